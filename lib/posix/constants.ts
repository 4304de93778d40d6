/**
 * The constants of the system calls, with Linux's values, which x86-64 and arm64 share.
 *
 * @module
 */

// Address families.

/**
 * Unix-domain addresses, unix(7).
 *
 * @category Constants
 */
export const AF_UNIX = 1;

/**
 * IPv4 addresses, ip(7).
 *
 * @category Constants
 */
export const AF_INET = 2;

/**
 * IPv6 addresses, ipv6(7).
 *
 * @category Constants
 */
export const AF_INET6 = 10;

// Socket types.

/**
 * A byte stream, such as TCP.
 *
 * @category Constants
 */
export const SOCK_STREAM = 1;

/**
 * Datagrams, such as UDP.
 *
 * @category Constants
 */
export const SOCK_DGRAM = 2;

/**
 * Raw IP packets, raw(7). Requires root or `CAP_NET_RAW`.
 *
 * @category Constants
 */
export const SOCK_RAW = 3;

/**
 * Messages over a connection, which preserves their boundaries, unix(7).
 *
 * @category Constants
 */
export const SOCK_SEQPACKET = 5;

// Protocols.

/**
 * IPv4, as the level of an option.
 *
 * @category Constants
 */
export const IPPROTO_IP = 0;

/**
 * ICMP, icmp(7).
 *
 * @category Constants
 */
export const IPPROTO_ICMP = 1;

/**
 * TCP, tcp(7).
 *
 * @category Constants
 */
export const IPPROTO_TCP = 6;

/**
 * UDP, udp(7).
 *
 * @category Constants
 */
export const IPPROTO_UDP = 17;

/**
 * IPv6, as the level of an option.
 *
 * @category Constants
 */
export const IPPROTO_IPV6 = 41;

/**
 * ICMPv6.
 *
 * @category Constants
 */
export const IPPROTO_ICMPV6 = 58;

// Options of all sockets, socket(7).

/**
 * The level of the options of all sockets.
 *
 * @category Constants
 */
export const SOL_SOCKET = 1;

/**
 * Allows binding to an address that closed connections still use.
 *
 * @category Constants
 */
export const SO_REUSEADDR = 2;

/**
 * The type of the socket, such as `SOCK_STREAM`. Read-only.
 *
 * @category Constants
 */
export const SO_TYPE = 3;

/**
 * The pending error as an errno, 0 for none; reading clears it. Read-only.
 *
 * @category Constants
 */
export const SO_ERROR = 4;

/**
 * Allows sending to broadcast addresses.
 *
 * @category Constants
 */
export const SO_BROADCAST = 6;

/**
 * The size of the send buffer, in bytes. The kernel doubles the value that is set.
 *
 * @category Constants
 */
export const SO_SNDBUF = 7;

/**
 * The size of the receive buffer, in bytes. The kernel doubles the value that is set.
 *
 * @category Constants
 */
export const SO_RCVBUF = 8;

/**
 * Sends keep-alive probes to the peer while the connection is idle.
 *
 * @category Constants
 */
export const SO_KEEPALIVE = 9;

/**
 * Receives urgent data in the stream, with the ordinary data.
 *
 * @category Constants
 */
export const SO_OOBINLINE = 10;

/**
 * What `close` does with unsent data: a `struct linger`.
 *
 * @category Constants
 */
export const SO_LINGER = 13;

/**
 * Allows several sockets to bind one address; the kernel distributes the clients among them.
 *
 * @category Constants
 */
export const SO_REUSEPORT = 15;

/**
 * Receives the credentials of senders, `SCM_CREDENTIALS`.
 *
 * @category Constants
 */
export const SO_PASSCRED = 16;

/**
 * The credentials of a Unix-domain peer: a `struct ucred`. Read-only.
 *
 * @category Constants
 */
export const SO_PEERCRED = 17;

/**
 * The time limit of a blocking receive: a `struct timeval`.
 *
 * @category Constants
 */
export const SO_RCVTIMEO = 20;

/**
 * The time limit of a blocking send: a `struct timeval`.
 *
 * @category Constants
 */
export const SO_SNDTIMEO = 21;

/**
 * Whether the socket is listening. Read-only.
 *
 * @category Constants
 */
export const SO_ACCEPTCONN = 30;

/**
 * The protocol of the socket. Read-only.
 *
 * @category Constants
 */
export const SO_PROTOCOL = 38;

/**
 * The address family of the socket. Read-only.
 *
 * @category Constants
 */
export const SO_DOMAIN = 39;

// Options of TCP, tcp(7).

/**
 * Disables Nagle's algorithm.
 *
 * @category Constants
 */
export const TCP_NODELAY = 1;

/**
 * The maximum segment size, in bytes.
 *
 * @category Constants
 */
export const TCP_MAXSEG = 2;

/**
 * Delays partial segments until it is cleared, by 200 ms at most.
 *
 * @category Constants
 */
export const TCP_CORK = 3;

/**
 * The idle time before the first keep-alive probe, in seconds.
 *
 * @category Constants
 */
export const TCP_KEEPIDLE = 4;

/**
 * The time between keep-alive probes, in seconds.
 *
 * @category Constants
 */
export const TCP_KEEPINTVL = 5;

/**
 * The number of unanswered keep-alive probes after which the connection fails.
 *
 * @category Constants
 */
export const TCP_KEEPCNT = 6;

/**
 * Reports a new connection only when data has arrived. The value limits the wait, in seconds.
 *
 * @category Constants
 */
export const TCP_DEFER_ACCEPT = 9;

/**
 * The state of the connection: a `struct tcp_info`. Read-only.
 *
 * @category Constants
 */
export const TCP_INFO = 11;

/**
 * Sends acknowledgments immediately. The kernel may change it at any time.
 *
 * @category Constants
 */
export const TCP_QUICKACK = 12;

/**
 * How long sent data may remain unacknowledged, in ms.
 *
 * @category Constants
 */
export const TCP_USER_TIMEOUT = 18;

// Options of IPv4, ip(7).

/**
 * The type of service of sent datagrams.
 *
 * @category Constants
 */
export const IP_TOS = 1;

/**
 * The time to live of sent datagrams; also the control message of `IP_RECVTTL`.
 *
 * @category Constants
 */
export const IP_TTL = 2;

/**
 * The options of the IP header.
 *
 * @category Constants
 */
export const IP_OPTIONS = 4;

/**
 * Receives the destination address and the interface of each datagram.
 *
 * @category Constants
 */
export const IP_PKTINFO = 8;

/**
 * The mode of path MTU discovery, such as `IP_PMTUDISC_DO`.
 *
 * @category Constants
 */
export const IP_MTU_DISCOVER = 10;

/**
 * Queues errors, which `MSG_ERRQUEUE` receives.
 *
 * @category Constants
 */
export const IP_RECVERR = 11;

/**
 * Receives the time to live of each datagram.
 *
 * @category Constants
 */
export const IP_RECVTTL = 12;

/**
 * The path MTU of a connected socket, in bytes. Read-only.
 *
 * @category Constants
 */
export const IP_MTU = 14;

/**
 * The interface of sent multicast datagrams.
 *
 * @category Constants
 */
export const IP_MULTICAST_IF = 32;

/**
 * The time to live of sent multicast datagrams.
 *
 * @category Constants
 */
export const IP_MULTICAST_TTL = 33;

/**
 * Whether sent multicast datagrams are also delivered on this host.
 *
 * @category Constants
 */
export const IP_MULTICAST_LOOP = 34;

/**
 * Joins a multicast group: a `struct ip_mreqn`.
 *
 * @category Constants
 */
export const IP_ADD_MEMBERSHIP = 35;

/**
 * Leaves a multicast group: a `struct ip_mreqn`.
 *
 * @category Constants
 */
export const IP_DROP_MEMBERSHIP = 36;

/**
 * Disables path MTU discovery: long datagrams are fragmented.
 *
 * @category Constants
 */
export const IP_PMTUDISC_DONT = 0;

/**
 * Fragments a datagram that is longer than the path MTU; sets "don't fragment" on all others.
 *
 * @category Constants
 */
export const IP_PMTUDISC_WANT = 1;

/**
 * Sets "don't fragment" on every datagram: one that is longer than the path MTU fails with `EMSGSIZE`.
 *
 * @category Constants
 */
export const IP_PMTUDISC_DO = 2;

// Options of IPv6, ipv6(7).

/**
 * The hop limit of sent unicast datagrams.
 *
 * @category Constants
 */
export const IPV6_UNICAST_HOPS = 16;

/**
 * The interface of sent multicast datagrams, by its index.
 *
 * @category Constants
 */
export const IPV6_MULTICAST_IF = 17;

/**
 * The hop limit of sent multicast datagrams.
 *
 * @category Constants
 */
export const IPV6_MULTICAST_HOPS = 18;

/**
 * Whether this host receives its own multicasts.
 *
 * @category Constants
 */
export const IPV6_MULTICAST_LOOP = 19;

/**
 * Joins a multicast group: a `struct ipv6_mreq`.
 *
 * @category Constants
 */
export const IPV6_ADD_MEMBERSHIP = 20;

/**
 * Leaves a multicast group: a `struct ipv6_mreq`.
 *
 * @category Constants
 */
export const IPV6_DROP_MEMBERSHIP = 21;

/**
 * Queues errors, which `MSG_ERRQUEUE` receives.
 *
 * @category Constants
 */
export const IPV6_RECVERR = 25;

/**
 * Whether the socket is restricted to IPv6.
 *
 * @category Constants
 */
export const IPV6_V6ONLY = 26;

/**
 * Receives the hop limit of each datagram.
 *
 * @category Constants
 */
export const IPV6_RECVHOPLIMIT = 51;

/**
 * The control message of `IPV6_RECVHOPLIMIT`.
 *
 * @category Constants
 */
export const IPV6_HOPLIMIT = 52;

// Flags of messages, recv(2) and send(2).

/**
 * Sends or receives urgent data.
 *
 * @category Constants
 */
export const MSG_OOB = 1;

/**
 * Receives data without removing it from the queue.
 *
 * @category Constants
 */
export const MSG_PEEK = 2;

/**
 * Sends to hosts on directly connected networks only.
 *
 * @category Constants
 */
export const MSG_DONTROUTE = 4;

/**
 * The control data was truncated.
 *
 * @category Constants
 */
export const MSG_CTRUNC = 8;

/**
 * As a result: the datagram was truncated. As an argument: returns the datagram's length, even if it is truncated.
 *
 * @category Constants
 */
export const MSG_TRUNC = 0x20;

/**
 * Makes one call non-blocking.
 *
 * @category Constants
 */
export const MSG_DONTWAIT = 0x40;

/**
 * Blocks until the buffer is full, on a blocking stream socket.
 *
 * @category Constants
 */
export const MSG_WAITALL = 0x100;

/**
 * Receives from the error queue.
 *
 * @category Constants
 */
export const MSG_ERRQUEUE = 0x2000;

/**
 * Does not raise `SIGPIPE`, which Deno ignores in any case.
 *
 * @category Constants
 */
export const MSG_NOSIGNAL = 0x4000;

/**
 * The caller has more data to send: delays a partial segment.
 *
 * @category Constants
 */
export const MSG_MORE = 0x8000;

/**
 * Does not block after the first message, recvmmsg(2).
 *
 * @category Constants
 */
export const MSG_WAITFORONE = 0x10000;

/**
 * Sets close-on-exec on received descriptors.
 *
 * @category Constants
 */
export const MSG_CMSG_CLOEXEC = 0x40000000;

// Control messages, unix(7) and ip(7).

/**
 * Descriptors passed to another process.
 *
 * @category Constants
 */
export const SCM_RIGHTS = 1;

/**
 * Credentials: a `struct ucred`.
 *
 * @category Constants
 */
export const SCM_CREDENTIALS = 2;

/**
 * The error arose on this host.
 *
 * @category Constants
 */
export const SO_EE_ORIGIN_LOCAL = 1;

/**
 * The error came in an ICMP message.
 *
 * @category Constants
 */
export const SO_EE_ORIGIN_ICMP = 2;

/**
 * The error came in an ICMPv6 message.
 *
 * @category Constants
 */
export const SO_EE_ORIGIN_ICMP6 = 3;

// The directions of shutdown(2).

/**
 * Shuts down receiving.
 *
 * @category Constants
 */
export const SHUT_RD = 0;

/**
 * Shuts down sending: a half-close.
 *
 * @category Constants
 */
export const SHUT_WR = 1;

/**
 * Shuts down both.
 *
 * @category Constants
 */
export const SHUT_RDWR = 2;

// Descriptors, fcntl(2) and open(2).

/**
 * Gets the descriptor's flags, such as `FD_CLOEXEC`.
 *
 * @category Constants
 */
export const F_GETFD = 1;

/**
 * Sets the descriptor's flags.
 *
 * @category Constants
 */
export const F_SETFD = 2;

/**
 * Gets the status flags, such as `O_NONBLOCK`.
 *
 * @category Constants
 */
export const F_GETFL = 3;

/**
 * Sets the status flags.
 *
 * @category Constants
 */
export const F_SETFL = 4;

/**
 * Sets the process that receives `SIGURG`.
 *
 * @category Constants
 */
export const F_SETOWN = 8;

/**
 * Gets the process that receives `SIGURG`.
 *
 * @category Constants
 */
export const F_GETOWN = 9;

/**
 * Closes the descriptor at `execve`.
 *
 * @category Constants
 */
export const FD_CLOEXEC = 1;

/**
 * Opens a file for reading.
 *
 * @category Constants
 */
export const O_RDONLY = 0;

/**
 * Opens a file for writing.
 *
 * @category Constants
 */
export const O_WRONLY = 0o1;

/**
 * Opens a file for reading and writing.
 *
 * @category Constants
 */
export const O_RDWR = 0o2;

/**
 * Creates the file if it does not exist.
 *
 * @category Constants
 */
export const O_CREAT = 0o100;

/**
 * Truncates the file.
 *
 * @category Constants
 */
export const O_TRUNC = 0o1000;

/**
 * Closes the descriptor at `execve`. The calls of this module always set it.
 *
 * @category Constants
 */
export const O_CLOEXEC = 0o2000000;

/**
 * Non-blocking mode.
 *
 * @category Constants
 */
export const O_NONBLOCK = 0o4000;

/**
 * The number of bytes that can be read, ioctl(2).
 *
 * @category Constants
 */
export const FIONREAD = 0x541b;

/**
 * One more than the highest descriptor number that the process may use, getrlimit(2).
 *
 * @category Constants
 */
export const RLIMIT_NOFILE = 7;

// Events of poll(2).

/**
 * Data can be received.
 *
 * @category Constants
 */
export const POLLIN = 1;

/**
 * Urgent data can be received.
 *
 * @category Constants
 */
export const POLLPRI = 2;

/**
 * Data can be sent.
 *
 * @category Constants
 */
export const POLLOUT = 4;

/**
 * An error is pending. Always reported.
 *
 * @category Constants
 */
export const POLLERR = 8;

/**
 * The connection has ended in both directions, or does not exist. Always reported.
 *
 * @category Constants
 */
export const POLLHUP = 0x10;

/**
 * The descriptor is not open. Always reported.
 *
 * @category Constants
 */
export const POLLNVAL = 0x20;

/**
 * The peer closed the connection, or shut down sending.
 *
 * @category Constants
 */
export const POLLRDHUP = 0x2000;

// Events of epoll_ctl(2).

/**
 * Data can be received.
 *
 * @category Constants
 */
export const EPOLLIN = 1;

/**
 * Urgent data can be received.
 *
 * @category Constants
 */
export const EPOLLPRI = 2;

/**
 * Data can be sent.
 *
 * @category Constants
 */
export const EPOLLOUT = 4;

/**
 * An error is pending. Always reported.
 *
 * @category Constants
 */
export const EPOLLERR = 8;

/**
 * The connection has ended in both directions, or does not exist. Always reported.
 *
 * @category Constants
 */
export const EPOLLHUP = 0x10;

/**
 * The peer closed the connection, or shut down sending.
 *
 * @category Constants
 */
export const EPOLLRDHUP = 0x2000;

/**
 * Reports one event, then none until `modify`.
 *
 * @category Constants
 */
export const EPOLLONESHOT = 0x40000000;

/**
 * Edge-triggered: reports changes only.
 *
 * @category Constants
 */
export const EPOLLET = 0x80000000;
