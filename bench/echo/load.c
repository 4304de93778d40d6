// The load generator of the echo benchmark in C, for servers that bench/echo/load.ts cannot saturate.
// bench/echo/load.ts is the same program; it documents the command line and the output.
//
//   load TRANSPORT ADDRESS --connections N --size BYTES [--bulk N] [--slow N] [--warmup S] [--seconds S]
//       [--idle]

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { BULK_PIECE = 65536, EVENTS = 1024 };
static const double LOST_AFTER = 1;   // seconds after which an unanswered datagram counts as lost
static const double SLOW_EVERY = 0.6; // seconds between two bytes of a slow client
enum { SLOW_AT_ONCE = 16 };           // slow clients served between two calls of epoll_wait

struct peer {
  int fd;
  bool is_bulk, is_slow, is_writing; // is_writing: waits for EPOLLOUT to send the rest of a message
  size_t sent, received;             // bytes of the message in flight
  double since;                      // the time at which the client began to send that message
  uint64_t round_trips;
};

static bool is_datagram;
static size_t size = 64;
static char *payload, *scratch;
static int epoll;

static double *latencies; // seconds
static size_t latency_count, latency_room;
static uint64_t bulk_bytes, lost;

static void die(const char *call) {
  fprintf(stderr, "load: %s: %s\n", call, strerror(errno));
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static double cpu_seconds(void) {
  struct rusage use;
  getrusage(RUSAGE_SELF, &use);
  return use.ru_utime.tv_sec + use.ru_stime.tv_sec + (use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static void record(double latency) {
  if (latency_count == latency_room) {
    latency_room = latency_room ? 2 * latency_room : 1 << 20;
    latencies = realloc(latencies, latency_room * sizeof *latencies);
    if (!latencies) die("realloc");
  }
  latencies[latency_count++] = latency;
}

static void watch(struct peer *peer, bool writing) {
  if (peer->is_writing == writing) return;
  peer->is_writing = writing;
  struct epoll_event event = {.events = EPOLLIN | (writing ? EPOLLOUT : 0), .data.ptr = peer};
  if (epoll_ctl(epoll, EPOLL_CTL_MOD, peer->fd, &event) < 0) die("epoll_ctl");
}

// Sends the rest of the message. A bulk stream then begins the next one.
static void send_on(struct peer *peer) {
  size_t length = peer->is_bulk ? BULK_PIECE : size;
  for (;;) {
    ssize_t count = send(peer->fd, payload + peer->sent, length - peer->sent, MSG_NOSIGNAL);
    if (count < 0 && errno == EAGAIN) return watch(peer, true);
    if (count < 0) die("send");
    peer->sent += count;
    if (peer->sent < length) continue;
    if (!peer->is_bulk) return watch(peer, false);
    peer->sent = 0;
  }
}

static void begin(struct peer *peer, double time) {
  peer->sent = peer->received = 0;
  peer->since = time;
  send_on(peer);
}

// Reads once; returns true if that completed a round trip.
static bool receive(struct peer *peer) {
  ssize_t count = recv(peer->fd, scratch, BULK_PIECE, 0);
  if (count < 0 && errno == EAGAIN) return false;
  if (count < 0) die("recv");
  if (count == 0 && !is_datagram) {
    errno = ECONNRESET;
    die("recv: the server closed a connection");
  }
  if (peer->is_bulk) bulk_bytes += count;
  if (peer->is_bulk || peer->is_slow) return false;
  peer->received += count;
  return peer->received >= size;
}

// The slow clients: all send a byte every SLOW_EVERY, one after the other, and discard the replies.
static struct peer *slow_peers;
static int slow_count, slow_sent; // slow_sent: bytes sent in this round
static double slow_since;         // the start of this round

// Sends the bytes that are due; returns the number of seconds until the next bytes are due.
static double send_slowly(void) {
  double time = now();
  if (time - slow_since >= SLOW_EVERY) {
    slow_since = time;
    slow_sent = 0;
  }
  for (int i = 0; i < SLOW_AT_ONCE && slow_sent < slow_count; i++) {
    if (send(slow_peers[slow_sent++].fd, payload, 1, MSG_NOSIGNAL) < 0) die("send");
  }
  return slow_sent < slow_count ? 0 : slow_since + SLOW_EVERY - time;
}

// Runs the event loop until `end`, or, with `once`, until each peer has completed a round trip.
static void run(struct peer *peers, int count, double end, bool once) {
  struct epoll_event events[EVENTS];
  int done = 0;
  double checked = now();
  while (once ? done < count : now() < end) {
    double left = once ? 1 : end - now();
    if (!once && slow_count > 0) {
      double due = send_slowly();
      if (due < left) left = due;
    }
    int n = epoll_wait(epoll, events, EVENTS, left > 0.1 ? 100 : left > 0 ? left * 1000 + 1 : 0);
    if (n < 0 && errno != EINTR) die("epoll_wait");
    for (int i = 0; i < n; i++) {
      struct peer *peer = events[i].data.ptr;
      if (events[i].events & EPOLLOUT) send_on(peer);
      if (!(events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP)) || !receive(peer)) continue;
      double time = now();
      peer->round_trips++;
      record(time - peer->since);
      if (once) done++;
      else begin(peer, time);
    }
    if (!is_datagram || now() - checked < LOST_AFTER / 4) continue;
    checked = now();
    for (int i = 0; i < count; i++) {
      bool is_answered = once && peers[i].round_trips > 0;
      if (is_answered || checked - peers[i].since < LOST_AFTER) continue;
      lost++;
      begin(&peers[i], checked);
    }
  }
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double percentile(double p) { // in microseconds
  if (latency_count == 0) return 0;
  size_t rank = p * latency_count;
  return latencies[rank < latency_count ? rank : latency_count - 1] * 1e6;
}

static socklen_t parse_address(const char *transport, char *text, struct sockaddr_storage *address) {
  memset(address, 0, sizeof *address);
  if (!strcmp(transport, "unix")) {
    struct sockaddr_un *un = (struct sockaddr_un *)address;
    un->sun_family = AF_UNIX;
    strncpy(un->sun_path, text, sizeof un->sun_path - 1);
    return sizeof *un;
  }
  struct sockaddr_in *in = (struct sockaddr_in *)address;
  char *colon = strrchr(text, ':');
  if (!colon) goto usage;
  *colon = 0;
  in->sin_family = AF_INET;
  in->sin_port = htons(atoi(colon + 1));
  if (inet_pton(AF_INET, text, &in->sin_addr) == 1) return sizeof *in;
usage:
  fprintf(stderr, "load: %s is not an IPv4 address and a port\n", text);
  exit(2);
}

static int open_socket(const char *transport, const struct sockaddr_storage *address, socklen_t length) {
  int fd = socket(address->ss_family, is_datagram ? SOCK_DGRAM : SOCK_STREAM, 0);
  if (fd < 0) die("socket");
  bool is_tcp = !strcmp(transport, "tcp");
  // TCP connects run concurrently; on a Unix socket, a blocking connect waits for room in the backlog.
  if (is_tcp) fcntl(fd, F_SETFL, O_NONBLOCK);
  if (connect(fd, (const struct sockaddr *)address, length) < 0 && errno != EINPROGRESS) die("connect");
  if (!is_tcp) fcntl(fd, F_SETFL, O_NONBLOCK);
  if (is_tcp) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  return fd;
}

int main(int argc, char **argv) {
  int connections = 1, bulk = 0, slow = 0;
  double warmup = 0.5, seconds = 2;
  bool idle = false;
  if (argc < 3) {
    fprintf(stderr, "Usage: load TRANSPORT ADDRESS --connections N --size BYTES [--bulk N] [--slow N] [--warmup S] [--seconds S] [--idle]\n");
    return 2;
  }
  for (int i = 3; i < argc; i++) {
    char *value = i + 1 < argc ? argv[i + 1] : "";
    if (!strcmp(argv[i], "--idle")) { idle = true; continue; }
    else if (!strcmp(argv[i], "--connections")) connections = atoi(value);
    else if (!strcmp(argv[i], "--size")) size = atol(value);
    else if (!strcmp(argv[i], "--bulk")) bulk = atoi(value);
    else if (!strcmp(argv[i], "--slow")) slow = atoi(value);
    else if (!strcmp(argv[i], "--warmup")) warmup = atof(value);
    else if (!strcmp(argv[i], "--seconds")) seconds = atof(value);
    else { fprintf(stderr, "load: unknown option %s\n", argv[i]); return 2; }
    i++;
  }
  is_datagram = !strcmp(argv[1], "udp");
  payload = malloc(size > BULK_PIECE ? size : BULK_PIECE);
  scratch = malloc(BULK_PIECE);
  memset(payload, '.', size > BULK_PIECE ? size : BULK_PIECE);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);

  int count = connections + bulk + slow;
  struct peer *peers = calloc(count, sizeof *peers);
  slow_peers = peers + connections + bulk;
  slow_count = slow;
  struct sockaddr_storage address;
  socklen_t length = parse_address(argv[1], argv[2], &address);
  epoll = epoll_create1(0);
  if (epoll < 0) die("epoll_create1");

  double start = now();
  for (int i = 0; i < count; i++) {
    peers[i].fd = open_socket(argv[1], &address, length);
    peers[i].is_bulk = i >= connections && i < connections + bulk;
    peers[i].is_slow = i >= connections + bulk;
    peers[i].is_writing = true;
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = &peers[i]};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, peers[i].fd, &event) < 0) die("epoll_ctl");
  }
  for (int connected = 0; connected < count;) {
    struct epoll_event events[EVENTS];
    int n = epoll_wait(epoll, events, EVENTS, -1);
    for (int i = 0; i < n; i++) {
      struct peer *peer = events[i].data.ptr;
      socklen_t size_of = sizeof errno;
      getsockopt(peer->fd, SOL_SOCKET, SO_ERROR, &errno, &size_of);
      if (errno) die("connect");
      watch(peer, false);
      struct epoll_event quiet = {.events = 0, .data.ptr = peer};
      epoll_ctl(epoll, EPOLL_CTL_MOD, peer->fd, &quiet);
      connected++;
    }
  }

  // One round trip each: the server has accepted all connections before any client begins a second.
  for (int i = 0; i < count; i++) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &peers[i]};
    epoll_ctl(epoll, EPOLL_CTL_MOD, peers[i].fd, &event);
    if (!peers[i].is_bulk && !peers[i].is_slow) begin(&peers[i], now());
  }
  run(peers, connections, 0, true);
  double connect_seconds = now() - start;
  if (!idle) {
    for (int i = 0; i < connections + bulk; i++) begin(&peers[i], now());
    run(peers, connections, now() + warmup, false);
  }

  printf("measuring\n");
  fflush(stdout);
  double began = now(), cpu = cpu_seconds();
  if (idle) {
    while (read(0, scratch, BULK_PIECE) > 0) {}
  } else {
    latency_count = bulk_bytes = lost = 0;
    for (int i = 0; i < count; i++) peers[i].round_trips = 0;
    run(peers, connections, began + seconds, false);
  }
  double ended = now();
  cpu = cpu_seconds() - cpu;

  uint64_t round_trips = 0, unanswered = 0;
  double squares = 0;
  for (int i = 0; i < connections; i++) {
    double x = peers[i].round_trips;
    round_trips += x;
    squares += x * x;
    if (x == 0) unanswered++;
    if (!idle) record(ended - peers[i].since);
  }
  qsort(latencies, latency_count, sizeof *latencies, compare);
  double jain = squares > 0 ? (double)round_trips * round_trips / (connections * squares) : 0;
  printf("{\"connectMs\":%.3f,\"seconds\":%.3f,\"roundTrips\":%lu,\"bytes\":%lu,\"bulkBytes\":%lu,"
         "\"p50Us\":%.1f,\"p99Us\":%.1f,\"p999Us\":%.1f,\"maxUs\":%.1f,\"jain\":%.4f,"
         "\"unanswered\":%lu,\"lost\":%lu,\"cpuSeconds\":%.3f}\n",
         connect_seconds * 1e3, ended - began, round_trips, round_trips * size, bulk_bytes,
         percentile(0.5), percentile(0.99), percentile(0.999), percentile(1), jain,
         unanswered, lost, cpu);
  return 0;
}
