// An echo server in C: one thread, with epoll for streams.
//
//   echo tcp [PORT] | unix PATH | udp [PORT]

#define _GNU_SOURCE // accept4
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 4096, EVENTS = 1024, PIECE = 65536 };

// While a client has unsent data, the server does not read from it.
struct client {
  int fd;
  char *unsent;
  size_t length, sent;
};

static char buffer[PIECE];
static int epoll;

static void die(const char *call) {
  perror(call);
  exit(1);
}

static void watch(struct client *client, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = client};
  if (epoll_ctl(epoll, EPOLL_CTL_MOD, client->fd, &event) < 0) die("epoll_ctl");
}

static void end(struct client *client) {
  close(client->fd);
  free(client->unsent);
  free(client);
}

// Like send(2), but returns 0 if the socket buffer is full.
static ssize_t send_some(int fd, const char *from, size_t length) {
  ssize_t count = send(fd, from, length, MSG_NOSIGNAL);
  return count < 0 && errno == EAGAIN ? 0 : count;
}

static void serve(struct client *client) {
  if (client->unsent) {
    ssize_t count = send_some(client->fd, client->unsent + client->sent, client->length - client->sent);
    if (count < 0) return end(client);
    client->sent += count;
    if (client->sent < client->length) return;
    free(client->unsent);
    client->unsent = NULL;
    return watch(client, EPOLLIN);
  }
  ssize_t received = recv(client->fd, buffer, PIECE, 0);
  if (received < 0 && errno == EAGAIN) return;
  if (received <= 0) return end(client);
  ssize_t count = send_some(client->fd, buffer, received);
  if (count < 0) return end(client);
  if (count == received) return;
  client->length = received - count;
  client->sent = 0;
  client->unsent = malloc(client->length);
  if (!client->unsent) return end(client);
  memcpy(client->unsent, buffer + count, client->length);
  watch(client, EPOLLOUT);
}

static void accept_all(int listener, bool is_tcp) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0) return;
    if (is_tcp) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    struct client *client = calloc(1, sizeof *client);
    if (!client) die("calloc");
    client->fd = fd;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) die("epoll_ctl");
  }
}

static void echo_streams(int listener, bool is_tcp) {
  epoll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN};
  if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) < 0) die("epoll");
  for (;;) {
    struct epoll_event events[EVENTS];
    int count = epoll_wait(epoll, events, EVENTS, -1);
    for (int i = 0; i < count; i++) {
      if (events[i].data.ptr) serve(events[i].data.ptr);
      else accept_all(listener, is_tcp);
    }
  }
}

static void echo_datagrams(int fd) {
  for (;;) {
    struct sockaddr_in from;
    socklen_t length = sizeof from;
    ssize_t count = recvfrom(fd, buffer, PIECE, 0, (struct sockaddr *)&from, &length);
    if (count >= 0) sendto(fd, buffer, count, 0, (struct sockaddr *)&from, length);
  }
}

int main(int argc, char **argv) {
  const char *transport = argc > 1 ? argv[1] : "tcp";
  bool is_unix = !strcmp(transport, "unix"), is_udp = !strcmp(transport, "udp");
  int type = is_udp ? SOCK_DGRAM : SOCK_STREAM | SOCK_NONBLOCK;
  int fd = socket(is_unix ? AF_UNIX : AF_INET, type, 0);
  if (fd < 0) die("socket");
  if (is_unix) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, argc > 2 ? argv[2] : "", sizeof address.sun_path - 1);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) die("bind");
    if (listen(fd, BACKLOG) < 0) die("listen");
    fprintf(stderr, "listening on %s\n", address.sun_path);
  } else {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(argc > 2 ? atoi(argv[2]) : 0)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (!is_udp) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(fd, (struct sockaddr *)&address, length) < 0) die("bind");
    getsockname(fd, (struct sockaddr *)&address, &length);
    if (!is_udp && listen(fd, BACKLOG) < 0) die("listen");
    fprintf(stderr, "listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
  }
  if (is_udp) echo_datagrams(fd);
  echo_streams(fd, !is_unix);
}
