/**
 * The system calls of Berkeley sockets, through the C library: what Deno has no API for, such as `select`,
 * `epoll`, `getsockopt`, urgent data and descriptor passing.
 *
 * It requires Linux on x86-64 or arm64, and `--allow-ffi` with the path of the C library, which the first call
 * loads. **This flag lets a program call any function of the C library: it outranks all other flags.**
 *
 * A TCP client and server in one program:
 *
 * ```ts
 * import * as posix from "@deno-sockets/samples/posix";
 *
 * using listener = posix.socket(posix.AF_INET, posix.SOCK_STREAM);
 * posix.bind(listener, { transport: "tcp", hostname: "127.0.0.1", port: 0 });
 * posix.listen(listener, 5);
 *
 * using client = posix.socket(posix.AF_INET, posix.SOCK_STREAM);
 * posix.connect(client, posix.getsockname(listener)); // -EINPROGRESS
 *
 * const entry = { descriptor: listener, events: posix.POLLIN };
 * await posix.poll([entry], 1000);
 * const accepted = posix.accept(listener);
 * using conn = accepted?.socket;
 * console.log(accepted?.peer); // { transport: "tcp", hostname: "127.0.0.1", port: 50000 }
 * ```
 *
 * The names are C's. Descriptors are objects, non-blocking and close-on-exec. A call that fails throws a
 * {@linkcode PosixError}; one that would block returns `-EAGAIN`, or `null` if it returns an object.
 *
 * ## Contents
 *
 * - **Sockets**: {@linkcode socket}, {@linkcode socketpair}, {@linkcode bind}, {@linkcode listen},
 *   {@linkcode accept}, {@linkcode connect}, {@linkcode shutdown}, {@linkcode getsockname},
 *   {@linkcode getpeername}, {@linkcode addressFamily}
 * - **Descriptors**: {@linkcode Descriptor}, {@linkcode fcntl}, {@linkcode ioctl}, {@linkcode open},
 *   {@linkcode getrlimit}, {@linkcode setrlimit}
 * - **Options**: {@linkcode getsockopt}, {@linkcode getsockoptBytes}, {@linkcode setsockopt}
 * - **Transfers**: {@linkcode recv}, {@linkcode send}, {@linkcode recvfrom}, {@linkcode sendto},
 *   {@linkcode read}, {@linkcode write}, {@linkcode sendfile}, {@linkcode sockatmark}
 * - **Messages**, with addresses and control data, or many in one call: {@linkcode Message},
 *   {@linkcode recvmsg}, {@linkcode sendmsg}, {@linkcode rightsMessage}, {@linkcode receivedDescriptors},
 *   {@linkcode extendedError}, {@linkcode MessageBatch}, {@linkcode recvmmsg}, {@linkcode sendmmsg},
 *   {@linkcode sendAll}
 * - **Multiplexing**, to wait for many descriptors: {@linkcode select}, {@linkcode FdSet}, {@linkcode poll},
 *   {@linkcode Poller}
 * - **Servers**, event loops: {@linkcode acceptEvents}, {@linkcode EventConnection},
 *   {@linkcode receiveBatches}
 * - **Bridges**, to Deno and Node: {@linkcode toConnection}, {@linkcode toNodeSocket}
 * - **Errors**: {@linkcode errnoError}, {@linkcode EAGAIN}, {@linkcode EINPROGRESS},
 *   {@linkcode libcPermission}
 *
 * The constants have C's names, too: `AF_INET`, `SO_REUSEADDR`.
 *
 * @module
 */

// Sockets, and their options.
export { addressFamily } from "./lib/posix/sockaddr.ts";
export {
  accept,
  type Accepted,
  bind,
  connect,
  getpeername,
  getsockname,
  getsockopt,
  getsockoptBytes,
  listen,
  setsockopt,
  shutdown,
  sockatmark,
  socket,
  socketpair,
} from "./lib/posix/socket.ts";

// Descriptors.
export { Descriptor } from "./lib/posix/descriptor.ts";
export { fcntl, ioctl, open, read, sendfile, write } from "./lib/posix/file.ts";
export { getrlimit, setrlimit } from "./lib/posix/rlimit.ts";

// Transfers and messages.
export { type Received, recv, recvfrom, send, sendto } from "./lib/posix/transfer.ts";
export {
  type ControlMessage,
  Message,
  type MessageOptions,
  receivedDescriptors,
  recvmsg,
  rightsMessage,
  sendmsg,
} from "./lib/posix/message.ts";
export { type ExtendedError, extendedError } from "./lib/posix/extended_error.ts";
export { MessageBatch, recvmmsg, sendAll, sendmmsg } from "./lib/posix/message_batch.ts";

// Multiplexing.
export { FD_SETSIZE, FdSet, poll, type PollEntry, select } from "./lib/posix/poll.ts";
export { type OnError, type OnReady, Poller } from "./lib/posix/poller.ts";

// Servers: the loops that accept and receive.
export { acceptEvents, EventConnection } from "./lib/posix/accept_events.ts";
export { receiveBatches } from "./lib/posix/receive_batches.ts";

// Bridges to Deno and Node.
export { toConnection, toNodeSocket } from "./lib/posix/bridge.ts";

// Errors.
export { EAGAIN, EINPROGRESS, errnoError, type PosixError } from "./lib/posix/errno.ts";
export { libcPermission } from "./lib/posix/libc.ts";

// Constants.
export {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  EPOLLERR,
  EPOLLET,
  EPOLLHUP,
  EPOLLIN,
  EPOLLONESHOT,
  EPOLLOUT,
  EPOLLPRI,
  EPOLLRDHUP,
  F_GETFD,
  F_GETFL,
  F_GETOWN,
  F_SETFD,
  F_SETFL,
  F_SETOWN,
  FD_CLOEXEC,
  FIONREAD,
  IP_ADD_MEMBERSHIP,
  IP_DROP_MEMBERSHIP,
  IP_MTU,
  IP_MTU_DISCOVER,
  IP_MULTICAST_IF,
  IP_MULTICAST_LOOP,
  IP_MULTICAST_TTL,
  IP_OPTIONS,
  IP_PKTINFO,
  IP_PMTUDISC_DO,
  IP_PMTUDISC_DONT,
  IP_PMTUDISC_WANT,
  IP_RECVERR,
  IP_RECVTTL,
  IP_TOS,
  IP_TTL,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPV6_ADD_MEMBERSHIP,
  IPV6_DROP_MEMBERSHIP,
  IPV6_HOPLIMIT,
  IPV6_MULTICAST_HOPS,
  IPV6_MULTICAST_IF,
  IPV6_MULTICAST_LOOP,
  IPV6_RECVERR,
  IPV6_RECVHOPLIMIT,
  IPV6_UNICAST_HOPS,
  IPV6_V6ONLY,
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  MSG_DONTROUTE,
  MSG_DONTWAIT,
  MSG_ERRQUEUE,
  MSG_MORE,
  MSG_NOSIGNAL,
  MSG_OOB,
  MSG_PEEK,
  MSG_TRUNC,
  MSG_WAITALL,
  MSG_WAITFORONE,
  O_CLOEXEC,
  O_CREAT,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLNVAL,
  POLLOUT,
  POLLPRI,
  POLLRDHUP,
  RLIMIT_NOFILE,
  SCM_CREDENTIALS,
  SCM_RIGHTS,
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
  SO_ACCEPTCONN,
  SO_BROADCAST,
  SO_DOMAIN,
  SO_EE_ORIGIN_ICMP,
  SO_EE_ORIGIN_ICMP6,
  SO_EE_ORIGIN_LOCAL,
  SO_ERROR,
  SO_KEEPALIVE,
  SO_LINGER,
  SO_OOBINLINE,
  SO_PASSCRED,
  SO_PEERCRED,
  SO_PROTOCOL,
  SO_RCVBUF,
  SO_RCVTIMEO,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SO_SNDBUF,
  SO_SNDTIMEO,
  SO_TYPE,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  SOL_SOCKET,
  TCP_CORK,
  TCP_DEFER_ACCEPT,
  TCP_INFO,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TCP_MAXSEG,
  TCP_NODELAY,
  TCP_QUICKACK,
  TCP_USER_TIMEOUT,
} from "./lib/posix/constants.ts";
