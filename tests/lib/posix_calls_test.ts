import { assert, assertEquals, assertInstanceOf, assertMatch, assertThrows } from "@std/assert";
import { libc as libcPath } from "../../contract/libc.ts";
import { Process } from "../../contract/process.ts";
import { openClient, openDatagram, openListener, sendTo } from "../../mod.ts";
import * as posix from "../../posix.ts";
import { bytes } from "../support/bytes.ts";
import { runProgram } from "../support/program.ts";
import { testWith } from "../support/test_with.ts";

// Each call of posix.ts beside its man page: its result, its errors and their messages.

const { AF_INET, AF_UNIX, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET } = posix;
const anyPort = { transport: "tcp", hostname: "127.0.0.1", port: 0 } as const;
const buffer = new Uint8Array(80);

/** A TCP socket that listens on a free port of 127.0.0.1. */
function listening(backlog: number = 5): posix.Descriptor {
  const listener = posix.socket(AF_INET, SOCK_STREAM);
  posix.bind(listener, anyPort);
  posix.listen(listener, backlog);
  return listener;
}

/** A TCP connection: the client's and the server's end. */
async function connected(stack: DisposableStack): Promise<[posix.Descriptor, posix.Descriptor]> {
  const listener = stack.use(listening());
  const client = stack.use(posix.socket(AF_INET, SOCK_STREAM));
  assertEquals(posix.connect(client, posix.getsockname(listener)), -posix.EINPROGRESS);
  assertEquals(await posix.poll([{ descriptor: listener, events: posix.POLLIN }], 30_000), 1);
  const accepted = posix.accept(listener);
  assert(accepted !== null);
  assertEquals(accepted.peer, posix.getsockname(client));
  stack.use(accepted.socket);
  assertEquals(await posix.poll([{ descriptor: client, events: posix.POLLOUT }], 30_000), 1);
  assertEquals(posix.getsockopt(client, SOL_SOCKET, posix.SO_ERROR), 0);
  return [client, accepted.socket];
}

/** Waits until there is something to receive, or an error. */
async function readable(descriptor: posix.Descriptor): Promise<void> {
  assertEquals(await posix.poll([{ descriptor, events: posix.POLLIN }], 30_000), 1);
}

/** Sets SO_LINGER to 0 and closes the socket, which resets the connection. */
function reset(socket: posix.Descriptor): void {
  posix.setsockopt(socket, SOL_SOCKET, posix.SO_LINGER, new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]));
  socket.close();
}

/** The properties of an error. */
interface Failure {
  code: string;
  errno: number;
  /** The text of strerror(3). */
  text: string;
  class: new (message: string) => Error;
}

const failures: Record<string, Failure> = Object.fromEntries(
  ([
    ["EPERM", 1, "Operation not permitted", Deno.errors.PermissionDenied],
    ["ENOENT", 2, "No such file or directory", Deno.errors.NotFound],
    ["EBADF", 9, "Bad file descriptor", Deno.errors.BadResource],
    ["EACCES", 13, "Permission denied", Deno.errors.PermissionDenied],
    ["EEXIST", 17, "File exists", Deno.errors.AlreadyExists],
    ["ENOTDIR", 20, "Not a directory", Deno.errors.NotADirectory],
    ["EISDIR", 21, "Is a directory", Deno.errors.IsADirectory],
    ["EINVAL", 22, "Invalid argument", Error],
    ["ENOTTY", 25, "Inappropriate ioctl for device", Error],
    ["EPIPE", 32, "Broken pipe", Deno.errors.BrokenPipe],
    ["ENOTSOCK", 88, "Socket operation on non-socket", Error],
    ["EDESTADDRREQ", 89, "Destination address required", Error],
    ["EMSGSIZE", 90, "Message too long", Error],
    ["ENOPROTOOPT", 92, "Protocol not available", Error],
    ["EPROTONOSUPPORT", 93, "Protocol not supported", Error],
    ["ESOCKTNOSUPPORT", 94, "Socket type not supported", Error],
    ["EOPNOTSUPP", 95, "Operation not supported", Error],
    ["EAFNOSUPPORT", 97, "Address family not supported by protocol", Error],
    ["EADDRINUSE", 98, "Address already in use", Deno.errors.AddrInUse],
    ["EADDRNOTAVAIL", 99, "Cannot assign requested address", Deno.errors.AddrNotAvailable],
    ["ECONNRESET", 104, "Connection reset by peer", Deno.errors.ConnectionReset],
    ["EISCONN", 106, "Transport endpoint is already connected", Error],
    ["ENOTCONN", 107, "Transport endpoint is not connected", Deno.errors.NotConnected],
    ["ECONNREFUSED", 111, "Connection refused", Deno.errors.ConnectionRefused],
    ["EALREADY", 114, "Operation already in progress", Error],
  ] as const).map(([code, errno, text, type]) => [code, { code, errno, text, class: type }]),
);

/** Asserts the properties and the message of an error. */
function assertIs(error: unknown, code: string, syscall: string, address?: string): void {
  const failure = failures[code];
  assert(failure !== undefined && error instanceof Error, `${error}`);
  const call = address === undefined ? syscall : `${syscall} ${address}`;
  assertEquals(error.message, `${call}: ${failure.text}`);
  const { errno, ...properties } = error as posix.PosixError;
  assertEquals(
    [properties.code, errno, properties.syscall, properties.address, error.constructor],
    [code, failure.errno, syscall, address, failure.class],
    error.message,
  );
}

/** Asserts that a call throws this error. */
function fails(call: () => unknown, code: string, syscall: string, address?: string): void {
  let thrown: unknown;
  try {
    const result = call();
    thrown = new Error(`${syscall} returned ${result}, not ${code}`);
  } catch (error) {
    thrown = error;
  }
  assertIs(thrown, code, syscall, address);
}

/** Each call on one descriptor. */
const calls: Record<string, (descriptor: posix.Descriptor) => unknown> = {
  listen: (socket) => posix.listen(socket, 5),
  accept: (socket) => posix.accept(socket),
  getsockname: (socket) => posix.getsockname(socket),
  getpeername: (socket) => posix.getpeername(socket),
  getsockopt: (socket) => posix.getsockopt(socket, SOL_SOCKET, posix.SO_ERROR),
  "getsockopt ": (socket) => posix.getsockoptBytes(socket, SOL_SOCKET, posix.SO_LINGER, 8),
  setsockopt: (socket) => posix.setsockopt(socket, SOL_SOCKET, posix.SO_REUSEADDR, 1),
  shutdown: (socket) => posix.shutdown(socket, posix.SHUT_WR),
  recv: (socket) => posix.recv(socket, buffer),
  recvfrom: (socket) => posix.recvfrom(socket, buffer),
  send: (socket) => posix.send(socket, buffer),
  recvmsg: (socket) => posix.recvmsg(socket, new posix.Message([buffer])),
  sendmsg: (socket) => posix.sendmsg(socket, new posix.Message([buffer])),
  recvmmsg: (socket) => posix.recvmmsg(socket, new posix.MessageBatch(4, 80)),
  sendmmsg: (socket) => {
    const batch = new posix.MessageBatch(4, 80);
    batch.push(new Uint8Array(1), { transport: "udp", hostname: "127.0.0.1", port: 9 });
    return posix.sendmmsg(socket, batch, 0, 1);
  },
};

/** The calls that also work on a file. */
const fileCalls: typeof calls = {
  fcntl: (file) => posix.fcntl(file, posix.F_GETFL),
  read: (file) => posix.read(file, buffer),
  write: (file) => posix.write(file, buffer),
};

testWith(["Linux C library"], "each call on a closed descriptor fails with EBADF", async () => {
  const closed = posix.socket(AF_INET, SOCK_STREAM);
  closed.close();
  for (const [call, act] of Object.entries({ ...calls, ...fileCalls })) {
    fails(() => act(closed), "EBADF", call.trim());
  }
  fails(() => posix.ioctl(closed, posix.FIONREAD), "EBADF", "ioctl");
  fails(() => posix.sockatmark(closed), "EBADF", "sockatmark");
  fails(() => posix.bind(closed, anyPort), "EBADF", "bind", "127.0.0.1:0");
  fails(() => posix.connect(closed, anyPort), "EBADF", "connect", "127.0.0.1:0");
  fails(() => posix.sendto(closed, buffer, anyPort), "EBADF", "sendto", "127.0.0.1:0");
  using open = posix.open("/dev/null", posix.O_RDWR);
  fails(() => posix.sendfile(closed, open, 80), "EBADF", "sendfile");
  fails(() => posix.sendfile(open, closed, 80), "EBADF", "sendfile");
  fails(() => new posix.FdSet().add(closed), "EBADF", "FD_SET");
  await posix.poll([{ descriptor: closed, events: posix.POLLIN }], 0)
    .then(() => assert(false), (error) => assertIs(error, "EBADF", "poll"));
  using poller = new posix.Poller();
  fails(() => poller.add(closed, posix.EPOLLIN, () => {}), "EBADF", "epoll_ctl");
  fails(() => poller.modify(closed, posix.EPOLLIN), "EBADF", "epoll_ctl");
  fails(() => poller.remove(closed), "EBADF", "epoll_ctl");
  fails(() => posix.toConnection(closed), "EBADF", "getsockname");
});

testWith(["Linux C library"], "each call for sockets fails on a file with ENOTSOCK", (folder) => {
  using file = posix.open(`${folder}/file`, posix.O_RDWR | posix.O_CREAT);
  for (const [call, act] of Object.entries(calls)) {
    fails(() => act(file), "ENOTSOCK", call.trim());
  }
  fails(() => posix.bind(file, anyPort), "ENOTSOCK", "bind", "127.0.0.1:0");
  fails(() => posix.connect(file, anyPort), "ENOTSOCK", "connect", "127.0.0.1:0");
  fails(() => posix.sendto(file, buffer, anyPort), "ENOTSOCK", "sendto", "127.0.0.1:0");
  fails(() => posix.sockatmark(file), "ENOTTY", "sockatmark");
  using poller = new posix.Poller();
  fails(() => poller.add(file, posix.EPOLLIN, () => {}), "EPERM", "epoll_ctl");
});

testWith(["Linux C library"], "`socket()` and `socketpair()` fail as C's do", () => {
  fails(() => posix.socket(99, SOCK_STREAM), "EAFNOSUPPORT", "socket");
  fails(() => posix.socket(-1, SOCK_STREAM), "EAFNOSUPPORT", "socket");
  fails(() => posix.socket(AF_INET, SOCK_STREAM, 17), "EPROTONOSUPPORT", "socket");
  fails(() => posix.socket(AF_UNIX, SOCK_STREAM, 6), "EPROTONOSUPPORT", "socket");
  fails(() => posix.socket(AF_INET, posix.SOCK_SEQPACKET), "ESOCKTNOSUPPORT", "socket");
  fails(() => posix.socket(AF_INET, 15), "EINVAL", "socket");
  fails(() => posix.socketpair(15), "EINVAL", "socketpair");
  fails(() => posix.socketpair(posix.SOCK_RAW + 1), "ESOCKTNOSUPPORT", "socketpair"); // SOCK_RDM
});

testWith(
  ["Linux C library"],
  "`bind()` fails as C's does, with the messages of mod.ts",
  async (folder) => {
    using listener = listening();
    const { port } = posix.getsockname(listener) as Deno.NetAddr;
    using other = posix.socket(AF_INET, SOCK_STREAM);
    const taken = { ...anyPort, port };
    fails(() => posix.bind(other, taken), "EADDRINUSE", "bind", `127.0.0.1:${port}`);
    const documented = { ...anyPort, hostname: "192.0.2.1" };
    fails(() => posix.bind(other, documented), "EADDRNOTAVAIL", "bind", "192.0.2.1:0");
    for (const { hostname, port } of [taken, documented]) {
      const theirs = await openListener(port, { hostname }).catch((error) => error);
      const ours = assertThrows(() => posix.bind(other, { ...anyPort, hostname, port }), Error);
      assertEquals(ours.message, theirs.message);
      assertEquals([ours.constructor, (ours as posix.PosixError).code], [
        theirs.constructor,
        theirs.code,
      ]);
    }
    fails(() => posix.bind(listener, anyPort), "EINVAL", "bind", "127.0.0.1:0"); // bound
    using unix = posix.socket(AF_UNIX, SOCK_STREAM);
    const path = (path: string) => ({ transport: "unix", path }) as const;
    fails(() => posix.bind(unix, anyPort), "EINVAL", "bind", "127.0.0.1:0");
    fails(() => posix.bind(other, path("/x")), "EINVAL", "bind", "/x");
    const missing = `${folder}/missing/socket`;
    fails(() => posix.bind(unix, path(missing)), "ENOENT", "bind", missing);
    await Deno.writeTextFile(`${folder}/file`, "");
    fails(() => posix.bind(unix, path(`${folder}/file`)), "EADDRINUSE", "bind", `${folder}/file`);
    fails(() => posix.bind(unix, path(`${folder}/file/x`)), "ENOTDIR", "bind", `${folder}/file/x`);
    using v6 = posix.socket(posix.AF_INET6, SOCK_STREAM);
    fails(() => posix.bind(v6, anyPort), "EINVAL", "bind", "127.0.0.1:0");
    fails(
      () => posix.bind(other, { ...anyPort, hostname: "::1" }),
      "EAFNOSUPPORT",
      "bind",
      "[::1]:0",
    );
  },
);

testWith(["Linux C library"], "`listen()` and `accept()` fail as C's do", async () => {
  using listener = listening();
  assertEquals(posix.accept(listener), null);
  using datagram = posix.socket(AF_INET, SOCK_DGRAM);
  fails(() => posix.listen(datagram, 5), "EOPNOTSUPP", "listen");
  fails(() => posix.accept(datagram), "EOPNOTSUPP", "accept");
  using unbound = posix.socket(AF_UNIX, SOCK_STREAM);
  fails(() => posix.listen(unbound, 5), "EINVAL", "listen");
  using stack = new DisposableStack();
  const [client, server] = await connected(stack);
  fails(() => posix.accept(client), "EINVAL", "accept");
  fails(() => posix.listen(server, 5), "EINVAL", "listen");
});

testWith(
  ["Linux C library"],
  "`connect()` fails as C's does, with the messages of mod.ts",
  async (folder) => {
    const closed = listening();
    const address = posix.getsockname(closed) as Deno.NetAddr;
    closed.close();
    using socket = posix.socket(AF_INET, SOCK_STREAM);
    assertEquals(posix.connect(socket, address), -posix.EINPROGRESS);
    const entry = { descriptor: socket, events: posix.POLLOUT, revents: 0 };
    await posix.poll([entry], 30_000);
    assert((entry.revents & posix.POLLERR) !== 0, `${entry.revents}`);
    const refused = posix.getsockopt(socket, SOL_SOCKET, posix.SO_ERROR);
    const host = `127.0.0.1:${address.port}`;
    const error = posix.errnoError(refused, "connect", host);
    assertIs(error, "ECONNREFUSED", "connect", host);
    assertEquals(posix.getsockopt(socket, SOL_SOCKET, posix.SO_ERROR), 0); // reading cleared it
    const theirs = await openClient("127.0.0.1", address.port).catch((error) => error);
    assertEquals([error.message, error.code], [theirs.message, theirs.code]);
    assertInstanceOf(theirs, error.constructor as typeof Error);

    using stack = new DisposableStack();
    const [client, server] = await connected(stack);
    const peer = posix.getpeername(client) as Deno.NetAddr;
    assertEquals(posix.connect(client, peer), 0); // the connection that was in progress
    fails(() => posix.connect(client, peer), "EISCONN", "connect", `127.0.0.1:${peer.port}`);
    fails(() => posix.connect(server, anyPort), "EISCONN", "connect", "127.0.0.1:0");

    // A backlog that is full: the connection stays in progress.
    using busy = listening(0);
    const clients = Array.from({ length: 8 }, () => stack.use(posix.socket(AF_INET, SOCK_STREAM)));
    const full = posix.getsockname(busy) as Deno.NetAddr;
    for (const each of clients) assertEquals(posix.connect(each, full), -posix.EINPROGRESS);
    await posix.poll([{ descriptor: busy, events: posix.POLLIN }], 30_000);
    const [last] = clients.slice(-1);
    assert(last !== undefined);
    fails(() => posix.connect(last, full), "EALREADY", "connect", `127.0.0.1:${full.port}`);
    fails(() => posix.getpeername(last), "ENOTCONN", "getpeername");

    using unix = posix.socket(AF_UNIX, SOCK_STREAM);
    const path = (path: string) => ({ transport: "unix", path }) as const;
    const missing = `${folder}/missing`;
    fails(() => posix.connect(unix, path(missing)), "ENOENT", "connect", missing);
    await Deno.writeTextFile(`${folder}/file`, "");
    fails(
      () => posix.connect(unix, path(`${folder}/file`)),
      "ECONNREFUSED",
      "connect",
      `${folder}/file`,
    );
    using local = posix.socket(AF_UNIX, SOCK_STREAM);
    posix.bind(local, path(`${folder}/full`));
    posix.listen(local, 0);
    const results = Array.from({ length: 3 }, () => {
      return posix.connect(stack.use(posix.socket(AF_UNIX, SOCK_STREAM)), path(`${folder}/full`));
    });
    assertEquals(results, [0, -posix.EAGAIN, -posix.EAGAIN]);
    using datagram = posix.socket(AF_UNIX, SOCK_DGRAM);
    assertThrows(
      () => posix.connect(datagram, path(`${folder}/full`)),
      Error,
      `connect ${folder}/full: Protocol wrong type for socket`,
    );
  },
);

testWith(["Linux C library"], "calls on a socket without a peer fail as C's do", () => {
  using socket = posix.socket(AF_INET, SOCK_STREAM);
  fails(() => posix.getpeername(socket), "ENOTCONN", "getpeername");
  fails(() => posix.shutdown(socket, posix.SHUT_WR), "ENOTCONN", "shutdown");
  fails(() => posix.recv(socket, buffer), "ENOTCONN", "recv");
  fails(() => posix.recvfrom(socket, buffer), "ENOTCONN", "recvfrom");
  fails(() => posix.read(socket, buffer), "ENOTCONN", "read");
  fails(() => posix.send(socket, buffer), "EPIPE", "send");
  fails(() => posix.write(socket, buffer), "EPIPE", "write");
  fails(() => posix.toConnection(socket), "ENOTCONN", "getpeername");
  assertEquals(posix.getsockname(socket), { ...anyPort, hostname: "0.0.0.0" }); // it is still open
  using datagram = posix.socket(AF_INET, SOCK_DGRAM);
  fails(() => posix.send(datagram, buffer), "EDESTADDRREQ", "send");
  fails(() => posix.sendmsg(datagram, new posix.Message([buffer])), "EDESTADDRREQ", "sendmsg");
  assertEquals(posix.recvfrom(datagram, buffer), null);
  assertEquals(posix.recv(datagram, buffer), -posix.EAGAIN);
  assertEquals(posix.read(datagram, buffer), -posix.EAGAIN);
  assertEquals(posix.recvmsg(datagram, new posix.Message([buffer])), -posix.EAGAIN);
  assertEquals(posix.recvmmsg(datagram, new posix.MessageBatch(2, 80)), -posix.EAGAIN);
  fails(() => posix.send(datagram, buffer, posix.MSG_OOB), "EOPNOTSUPP", "send");
});

testWith(["Linux C library"], "transfers return what C's do", async (folder) => {
  using stack = new DisposableStack();
  const [client, server] = await connected(stack);
  assertEquals(posix.recv(server, buffer), -posix.EAGAIN);
  assertEquals(posix.recvfrom(server, buffer), null);
  assertEquals(posix.write(client, bytes("hello")), 5);
  await readable(server);
  assertEquals(posix.ioctl(server, posix.FIONREAD), 5);
  assertEquals(posix.recv(server, buffer, posix.MSG_PEEK), 5);
  assertEquals(posix.read(server, buffer.subarray(0, 2)), 2);
  assertEquals(posix.recv(server, buffer.subarray(2)), 3);
  assertEquals(buffer.subarray(0, 5), bytes("hello"));
  assertEquals(posix.sockatmark(server), false);
  fails(() => posix.recv(server, buffer, posix.MSG_OOB), "EINVAL", "recv");

  await Deno.writeTextFile(`${folder}/file`, "a file");
  using file = posix.open(`${folder}/file`, posix.O_RDONLY);
  assertEquals(posix.sendfile(client, file, 2), 2);
  assertEquals(posix.sendfile(client, file, 80), 4);
  assertEquals(posix.sendfile(client, file, 80), 0);
  await readable(server);
  assertEquals(posix.recv(server, buffer), 6);
  fails(() => posix.sendfile(client, server, 80), "EINVAL", "sendfile");

  let sent = 0;
  const much = new Uint8Array(1 << 20);
  for (let size = 0; size >= 0; size = posix.send(client, much)) sent += size;
  assert(sent > 0);
  assertEquals(posix.write(client, much), -posix.EAGAIN);
  assertEquals(posix.sendmsg(client, new posix.Message([much])), -posix.EAGAIN);

  posix.shutdown(server, posix.SHUT_WR);
  await readable(client);
  assertEquals(posix.recv(client, buffer), 0);
  assertEquals(posix.read(client, buffer), 0);
  assertEquals(posix.recvmsg(client, new posix.Message([buffer])), 0);
  const [left, right] = posix.socketpair(SOCK_STREAM).map((each) => stack.use(each));
  assert(left !== undefined && right !== undefined);
  right.close();
  for (
    const [call, act] of Object.entries({
      send: () => posix.send(left, buffer),
      write: () => posix.write(left, buffer),
      sendmsg: () => posix.sendmsg(left, new posix.Message([buffer])),
    })
  ) fails(act, "EPIPE", call);
});

testWith(["Linux C library"], "calls after a reset fail as C's do", async () => {
  using stack = new DisposableStack();
  const [client, server] = await connected(stack);
  reset(server);
  await readable(client);
  fails(() => posix.recv(client, buffer), "ECONNRESET", "recv");
  fails(() => posix.send(client, buffer), "EPIPE", "send");
  fails(() => posix.getpeername(client), "ENOTCONN", "getpeername");
  fails(() => posix.shutdown(client, posix.SHUT_WR), "ENOTCONN", "shutdown");
  for (const [call, receive] of [["recvfrom", posix.recvfrom], ["read", posix.read]] as const) {
    const [client, server] = await connected(stack);
    reset(server);
    await readable(client);
    fails(() => receive(client, buffer), "ECONNRESET", call);
    assertEquals(posix.recv(client, buffer), 0);
  }
});

testWith(
  ["Linux C library"],
  "datagrams fail as C's do, with the messages of mod.ts",
  async (folder) => {
    using receiver = posix.socket(AF_INET, SOCK_DGRAM);
    posix.bind(receiver, { ...anyPort, transport: "udp" });
    const address = posix.getsockname(receiver) as Deno.NetAddr;
    const host = `127.0.0.1:${address.port}`;
    using sender = posix.socket(AF_INET, SOCK_DGRAM);
    assertEquals(posix.sendto(sender, bytes("hello"), address), 5);
    await readable(receiver);
    const received = posix.recvfrom(receiver, buffer.subarray(0, 2), posix.MSG_TRUNC);
    const own = posix.getsockname(sender) as Deno.NetAddr;
    assertEquals(received, { size: 5, from: { ...own, hostname: "127.0.0.1" } });
    const long = new Uint8Array(65508);
    assertEquals(posix.sendto(sender, long.subarray(1), address), 65507);
    fails(() => posix.sendto(sender, long, address), "EMSGSIZE", "sendto", host);
    using theirs = await openDatagram(0);
    const everyone = { ...address, hostname: "255.255.255.255" };
    const name = `255.255.255.255:${address.port}`;
    fails(() => posix.sendto(sender, buffer, everyone), "EACCES", "sendto", name);
    fails(
      () => posix.sendto(sender, buffer, { ...address, hostname: "::1" }),
      "EAFNOSUPPORT",
      "sendto",
      `[::1]:${address.port}`,
    );
    fails(
      () => posix.sendto(sender, buffer, { ...address, port: 0 }),
      "EINVAL",
      "sendto",
      "127.0.0.1:0",
    );

    const error = await sendTo(theirs, buffer, { ...address, port: 0 }).catch((error) => error);
    const ours = assertThrows(() => posix.sendto(sender, buffer, { ...address, port: 0 }), Error);
    assertEquals(ours.message, error.message); // EINVAL is a TypeError in Deno

    assertEquals(posix.connect(sender, address), 0);
    fails(() => posix.send(sender, long), "EMSGSIZE", "send");
    receiver.close();
    assertEquals(posix.send(sender, buffer), 80);
    await readable(sender);
    fails(() => posix.recv(sender, buffer), "ECONNREFUSED", "recv");
    for (const [call, act] of [["recvfrom", posix.recvfrom], ["send", posix.send]] as const) {
      posix.send(sender, buffer);
      await readable(sender);
      fails(() => act(sender, buffer), "ECONNREFUSED", call);
    }

    using unix = posix.socket(AF_UNIX, SOCK_DGRAM);
    const missing = { transport: "unixpacket", path: `${folder}/missing` } as const;
    fails(() => posix.sendto(unix, buffer, missing), "ENOENT", "sendto", missing.path);
    await Deno.writeTextFile(`${folder}/file`, "");
    const file = { ...missing, path: `${folder}/file` };
    fails(() => posix.sendto(unix, buffer, file), "ECONNREFUSED", "sendto", file.path);
    using full = posix.socket(AF_UNIX, SOCK_DGRAM);
    const queue = { ...missing, path: `${folder}/queue` };
    posix.bind(full, queue);
    let count = 0;
    while (posix.sendto(unix, buffer, queue) === 80) count++;
    assert(count > 0);
    assertEquals(posix.sendto(unix, buffer, queue), -posix.EAGAIN);
  },
);

testWith(["Linux C library"], "options fail as C's do, and have the kernel's values", async () => {
  using socket = posix.socket(AF_INET, SOCK_STREAM);
  fails(() => posix.getsockopt(socket, SOL_SOCKET, 9999), "ENOPROTOOPT", "getsockopt");
  fails(() => posix.getsockoptBytes(socket, SOL_SOCKET, 9999, 8), "ENOPROTOOPT", "getsockopt");
  fails(() => posix.setsockopt(socket, SOL_SOCKET, 9999, 1), "ENOPROTOOPT", "setsockopt");
  fails(() => posix.getsockopt(socket, 9999, 1), "EOPNOTSUPP", "getsockopt");
  fails(
    () => posix.setsockopt(socket, SOL_SOCKET, posix.SO_REUSEADDR, new Uint8Array()),
    "EINVAL",
    "setsockopt",
  );
  fails(
    () => posix.setsockopt(socket, posix.IPPROTO_TCP, posix.TCP_KEEPIDLE, 0),
    "EINVAL",
    "setsockopt",
  );
  fails(() => posix.setsockopt(socket, SOL_SOCKET, posix.SO_TYPE, 1), "ENOPROTOOPT", "setsockopt");
  fails(() => posix.getsockopt(socket, posix.IPPROTO_IP, posix.IP_MTU), "ENOTCONN", "getsockopt");
  using unix = posix.socket(AF_UNIX, SOCK_STREAM);
  fails(
    () => posix.setsockopt(unix, posix.IPPROTO_TCP, posix.TCP_NODELAY, 1),
    "EOPNOTSUPP",
    "setsockopt",
  );
  const options: [level: number, option: number, value: number, got: number][] = [
    [SOL_SOCKET, posix.SO_KEEPALIVE, 7, 1],
    [SOL_SOCKET, posix.SO_RCVBUF, 10_000, 20_000],
    [posix.IPPROTO_TCP, posix.TCP_NODELAY, 1, 1],
    [posix.IPPROTO_TCP, posix.TCP_USER_TIMEOUT, 100_000, 100_000],
    [posix.IPPROTO_IP, posix.IP_TTL, 200, 200],
  ];
  for (const [level, option, value, got] of options) {
    posix.setsockopt(socket, level, option, value);
    assertEquals(posix.getsockopt(socket, level, option), got, `${level} ${option}`);
  }
  assertEquals(posix.getsockopt(socket, SOL_SOCKET, posix.SO_DOMAIN), AF_INET);
  assertEquals(posix.getsockopt(socket, SOL_SOCKET, posix.SO_PROTOCOL), posix.IPPROTO_TCP);
  assertEquals(posix.getsockopt(socket, SOL_SOCKET, posix.SO_ACCEPTCONN), 0);
  using datagram = posix.socket(AF_INET, SOCK_DGRAM);
  posix.setsockopt(datagram, posix.IPPROTO_IP, posix.IP_MULTICAST_TTL, 255);
  // A value of which the kernel stores one byte, after one that fills all four.
  posix.setsockopt(socket, posix.IPPROTO_TCP, posix.TCP_USER_TIMEOUT, 0x7fffffff);
  posix.getsockopt(socket, posix.IPPROTO_TCP, posix.TCP_USER_TIMEOUT);
  assertEquals(posix.getsockopt(datagram, posix.IPPROTO_IP, posix.IP_MULTICAST_TTL), 255);
  // An option that is empty, after the same.
  posix.getsockopt(socket, posix.IPPROTO_TCP, posix.TCP_USER_TIMEOUT);
  assertEquals(posix.getsockopt(socket, posix.IPPROTO_IP, posix.IP_OPTIONS), 0);
  assertEquals(posix.getsockoptBytes(socket, posix.IPPROTO_IP, posix.IP_OPTIONS, 40).length, 0);
  using stack = new DisposableStack();
  const [client] = await connected(stack);
  const info = posix.getsockoptBytes(client, posix.IPPROTO_TCP, posix.TCP_INFO, 104);
  assertEquals([info.length, info[0]], [104, 1]); // TCP_ESTABLISHED
  assertEquals(posix.getsockoptBytes(client, posix.IPPROTO_TCP, posix.TCP_INFO, 4).length, 4);
});

testWith(
  ["Linux C library"],
  "files: `open()`, `read()`, `write()`, `fcntl()` fail as C's do",
  (folder) => {
    const path = `${folder}/file`;
    fails(() => posix.open(path, posix.O_RDONLY), "ENOENT", "open", path);
    fails(() => posix.open("", posix.O_RDONLY), "ENOENT", "open", "");
    fails(() => posix.open(folder, posix.O_WRONLY), "EISDIR", "open", folder);
    assertThrows(() => posix.open(`${path}\0x`, posix.O_RDONLY), TypeError, "contains a NUL");
    {
      using file = posix.open(path, posix.O_WRONLY | posix.O_CREAT, 0o600);
      assertEquals((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
      assertEquals(posix.write(file, bytes("written")), 7);
      fails(() => posix.read(file, buffer), "EBADF", "read");
    }
    const exclusive = posix.O_WRONLY | posix.O_CREAT | 0o200; // O_EXCL
    fails(() => posix.open(path, exclusive), "EEXIST", "open", path);
    fails(() => posix.open(`${path}/x`, posix.O_RDONLY), "ENOTDIR", "open", `${path}/x`);
    using file = posix.open(path, posix.O_RDONLY);
    fails(() => posix.write(file, buffer), "EBADF", "write");
    assertEquals(posix.read(file, buffer), 7);
    assertEquals(posix.read(file, buffer), 0);
    using directory = posix.open(folder, posix.O_RDONLY);
    fails(() => posix.read(directory, buffer), "EISDIR", "read");
    using socket = posix.socket(AF_INET, SOCK_DGRAM);
    fails(() => posix.fcntl(socket, 9999), "EINVAL", "fcntl");
    using device = posix.open("/dev/null", posix.O_RDWR);
    fails(() => posix.ioctl(device, posix.FIONREAD), "ENOTTY", "ioctl");
    posix.fcntl(socket, posix.F_SETOWN, Deno.pid);
    assertEquals(posix.fcntl(socket, posix.F_GETOWN), Deno.pid);
  },
);

/** Runs a program with posix.ts and the library loaded, under a limit of descriptors. */
async function underLimit(limit: number, program: string): Promise<string> {
  const text = `
    import * as posix from ${JSON.stringify(import.meta.resolve("../../posix.ts"))};
    const attempt = (act) => {
      try {
        return act();
      } catch (error) {
        return \`\${error.message}, \${error.code} \${error.errno}\`;
      }
    };
    ${program}`;
  await using process = new Process(
    ["-c", `ulimit -n ${limit}; exec "$@" -`, "sh", Deno.execPath(), "run", "-A", "--quiet"],
    true,
    undefined,
    "sh",
  );
  await process.type(text);
  await process.endInput();
  assertEquals(await process.exits(), 0, process.describe());
  return process.stdout;
}

testWith(["Linux C library"], "without free descriptors each call fails with EMFILE", async () => {
  const stdout = await underLimit(
    64,
    `
    const listener = posix.socket(posix.AF_INET, posix.SOCK_STREAM);
    posix.bind(listener, { transport: "tcp", hostname: "127.0.0.1", port: 0 });
    posix.listen(listener, 5);
    const client = posix.socket(posix.AF_INET, posix.SOCK_STREAM);
    posix.connect(client, posix.getsockname(listener));
    await posix.poll([{ descriptor: listener, events: posix.POLLIN }]);
    const taken = [];
    const fill = () => {
      try {
        for (;;) taken.push(posix.socket(posix.AF_INET, posix.SOCK_STREAM));
      } catch (error) {
        console.log(error.message, error.code, error.errno);
      }
      return taken.length;
    };
    const full = fill();
    console.log(attempt(() => posix.socketpair(posix.SOCK_STREAM)));
    console.log(attempt(() => posix.accept(listener)));
    console.log(attempt(() => posix.open("/dev/null", posix.O_RDONLY)));
    console.log(attempt(() => new posix.Poller()));
    taken.pop().close();
    console.log(attempt(() => new posix.Poller())); // room for one of its two
    console.log(attempt(() => posix.socketpair(posix.SOCK_STREAM)));
    console.log(fill() === full);`,
  );
  const text = "Too many open files, EMFILE 24";
  assertEquals(stdout.split("\n"), [
    "socket: Too many open files EMFILE 24",
    `socketpair: ${text}`,
    `accept: ${text}`,
    `open /dev/null: ${text}`,
    `epoll_create1: ${text}`,
    `eventfd: ${text}`,
    `socketpair: ${text}`,
    "socket: Too many open files EMFILE 24",
    "true",
    "",
  ]);
});

testWith(
  ["Linux C library", "root"],
  "another user cannot open raw sockets, bind ports below 1024 or open files of root",
  async (folder) => {
    await Deno.chmod(folder, 0o700);
    const program = `
      import * as posix from ${JSON.stringify(import.meta.resolve("../../posix.ts"))};
      const { symbols } = Deno.dlopen(${JSON.stringify(libcPath)}, {
        setuid: { parameters: ["u32"], result: "i32" },
      });
      await Deno.readTextFile("/proc/sys/net/ipv4/ip_unprivileged_port_start");
      posix.socket(posix.AF_INET, posix.SOCK_STREAM).close();
      symbols.setuid(65534);
      const attempt = (act) => {
        try {
          act();
          console.log("no error");
        } catch (error) {
          console.log(error.message, error.code, error instanceof Deno.errors.PermissionDenied);
        }
      };
      attempt(() => posix.socket(posix.AF_INET, posix.SOCK_RAW, posix.IPPROTO_ICMP));
      const path = ${JSON.stringify(`${folder}/file`)};
      attempt(() => posix.open(path, posix.O_WRONLY | posix.O_CREAT));
      const socket = posix.socket(posix.AF_UNIX, posix.SOCK_STREAM);
      attempt(() => posix.bind(socket, { transport: "unix", path }));`;
    const process = await runProgram(program, "--allow-all");
    assertEquals(process.stdout.split("\n"), [
      "socket: Operation not permitted EPERM true",
      `open ${folder}/file: Permission denied EACCES true`,
      `bind ${folder}/file: Permission denied EACCES true`,
      "",
    ], process.describe());
  },
);

testWith(["Linux C library"], "`errnoError()` describes any number", () => {
  for (const number of [0, -1, 4095, 2 ** 31 - 1]) {
    const error = posix.errnoError(number, "call");
    assertEquals([error.errno, error.code, error.constructor], [number, `E${number}`, Error]);
    assertMatch(error.message, /^call: (?:Success|Unknown error -?\d+|No error information)$/);
  }
});
