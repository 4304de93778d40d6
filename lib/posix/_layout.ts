// The sizes of C's structures and the offsets of their members, in bytes. tests/lib/posix_layout_test.ts compares
// them with gcc's. Only `struct epoll_event` differs between x86-64, where it is packed, and arm64.

/** The host byte order of x86-64 and arm64. */
export const LITTLE_ENDIAN = true;

const epollEvent = Deno.build.arch === "x86_64"
  ? { size: 12, events: 0, data: 4 }
  : { size: 16, events: 0, data: 8 };

/** The structures, by their names in C. */
export const layout = {
  sockaddr_in: { size: 16, sin_family: 0, sin_port: 2, sin_addr: 4 },
  sockaddr_in6: {
    size: 28,
    sin6_family: 0,
    sin6_port: 2,
    sin6_flowinfo: 4,
    sin6_addr: 8,
    sin6_scope_id: 24,
  },
  sockaddr_un: { size: 110, sun_family: 0, sun_path: 2 },
  sockaddr_storage: { size: 128, ss_family: 0 },
  iovec: { size: 16, iov_base: 0, iov_len: 8 },
  msghdr: {
    size: 56,
    msg_name: 0,
    msg_namelen: 8,
    msg_iov: 16,
    msg_iovlen: 24,
    msg_control: 32,
    msg_controllen: 40,
    msg_flags: 48,
  },
  mmsghdr: { size: 64, msg_hdr: 0, msg_len: 56 },
  cmsghdr: { size: 16, cmsg_len: 0, cmsg_level: 8, cmsg_type: 12 },
  pollfd: { size: 8, fd: 0, events: 4, revents: 6 },
  fd_set: { size: 128 },
  epoll_event: epollEvent,
  timeval: { size: 16, tv_sec: 0, tv_usec: 8 },
  rlimit: { size: 16, rlim_cur: 0, rlim_max: 8 },
  linger: { size: 8, l_onoff: 0, l_linger: 4 },
  ip_mreqn: { size: 12, imr_multiaddr: 0, imr_address: 4, imr_ifindex: 8 },
  ucred: { size: 12, pid: 0, uid: 4, gid: 8 },
  sock_extended_err: { size: 16, ee_errno: 0, ee_origin: 4, ee_type: 5, ee_code: 6, ee_info: 8 },
  tcp_info: {
    size: 104, // the members that are read; later kernels append others
    tcpi_state: 0,
    tcpi_rto: 8,
    tcpi_snd_mss: 16,
    tcpi_rtt: 68,
    tcpi_rttvar: 72,
    tcpi_snd_cwnd: 80,
    tcpi_total_retrans: 100,
  },
} as const;
