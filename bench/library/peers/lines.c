// Counts lines with a reader like CS:APP's RIO, with its buffer of 8192 bytes. For each port on stdin it
// connects, reads until EOF, and prints the numbers of lines and of bytes without newlines.
//
//   lines

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SIZE = 8192 };

struct reader {
  int fd;
  ssize_t unread;
  char *next, buffer[SIZE];
};

static void die(const char *call) {
  perror(call);
  exit(1);
}

// Like read(2), but buffered.
static ssize_t read_buffered(struct reader *reader, char *to, ssize_t n) {
  if (reader->unread <= 0) {
    reader->unread = read(reader->fd, reader->buffer, SIZE);
    if (reader->unread < 0) die("read");
    if (reader->unread == 0) return 0;
    reader->next = reader->buffer;
  }
  ssize_t count = reader->unread < n ? reader->unread : n;
  memcpy(to, reader->next, count);
  reader->next += count;
  reader->unread -= count;
  return count;
}

// Reads a line with its newline, byte by byte like rio_readlineb; returns its length, 0 at EOF.
static ssize_t read_line(struct reader *reader, char *line, ssize_t max) {
  ssize_t length = 0;
  while (length < max - 1 && read_buffered(reader, line + length, 1) == 1) {
    if (line[length++] == '\n') break;
  }
  line[length] = '\0';
  return length;
}

int main(void) {
  static struct reader reader;
  char line[SIZE];
  for (int port; scanf("%d", &port) == 1;) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    reader.unread = 0;
    reader.fd = socket(AF_INET, SOCK_STREAM, 0);
    if (reader.fd < 0) die("socket");
    if (connect(reader.fd, (struct sockaddr *)&address, sizeof address) < 0) die("connect");
    long lines = 0, bytes = 0;
    for (ssize_t length; (length = read_line(&reader, line, sizeof line)) > 0; lines++) {
      bytes += length - 1;
    }
    close(reader.fd);
    printf("%ld %ld\n", lines, bytes);
    fflush(stdout);
  }
}
