/*
 * The echo client and the echo server of CS:APP, as far as bytes and lines go: the client is
 * fgets, rio_writen, rio_readlineb, fputs; the server rio_readlineb, printf, rio_writen. All with
 * buffers of MAXLINE bytes, of which one is for the NUL at the end.
 *
 * Usage: csapp_echo server | server PATH | client PORT | client PATH, at 127.0.0.1
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MAXLINE 8192

static void die(const char *call) {
  perror(call);
  exit(1);
}

/* rio_t: a descriptor with a buffer */
static struct {
  int fd, count;
  char *next, buffer[MAXLINE];
} rio;

/* rio_read of one byte: 1, or 0 at the end */
static int rio_read1(char *byte) {
  while (rio.count <= 0) {
    rio.count = read(rio.fd, rio.buffer, sizeof rio.buffer);
    if (rio.count < 0 && errno != EINTR) die("read");
    if (rio.count == 0) return 0;
    rio.next = rio.buffer;
  }
  rio.count--;
  *byte = *rio.next++;
  return 1;
}

/* rio_readlineb: at most max - 1 bytes and a NUL; how many bytes, or 0 at the end */
static size_t rio_readlineb(char *line, size_t max) {
  size_t count = 0;
  while (count < max - 1 && rio_read1(&line[count])) {
    if (line[count++] == '\n') break;
  }
  line[count] = '\0';
  return count;
}

static void rio_writen(const char *bytes, size_t count) {
  while (count > 0) {
    ssize_t written = write(rio.fd, bytes, count);
    if (written < 0) die("write");
    bytes += written;
    count -= written;
  }
}

static void client(void) {
  char line[MAXLINE];
  while (fgets(line, MAXLINE, stdin) != NULL) {
    rio_writen(line, strlen(line));
    rio_readlineb(line, MAXLINE);
    fputs(line, stdout);
  }
}

static void server(void) {
  char line[MAXLINE];
  size_t count;
  while ((count = rio_readlineb(line, MAXLINE)) != 0) {
    printf("server received %d bytes\n", (int)count);
    rio_writen(line, count);
  }
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  int is_client = strcmp(argv[1], "client") == 0;
  const char *where = argc > 2 ? argv[2] : "0";
  int is_unix = strchr(where, '/') != NULL;
  struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(atoi(where))};
  struct sockaddr_un un = {.sun_family = AF_UNIX};
  in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  strncpy(un.sun_path, where, sizeof un.sun_path - 1);
  struct sockaddr *address = is_unix ? (struct sockaddr *)&un : (struct sockaddr *)&in;
  socklen_t length = is_unix ? sizeof un : sizeof in;

  int fd = socket(address->sa_family, SOCK_STREAM, 0);
  if (fd < 0) die("socket");
  if (is_client) {
    if (connect(fd, address, length) < 0) die("connect");
    rio.fd = fd;
    client();
    return 0;
  }
  if (bind(fd, address, length) < 0) die("bind");
  if (listen(fd, 1024) < 0) die("listen");
  if (!is_unix && getsockname(fd, address, &length) < 0) die("getsockname");
  fprintf(stderr, "listening on 127.0.0.1:%d\n", ntohs(in.sin_port));
  rio.fd = accept(fd, NULL, NULL); /* of one client, for a test */
  if (rio.fd < 0) die("accept");
  server();
  return 0;
}
