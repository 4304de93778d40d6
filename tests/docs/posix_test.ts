import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { delay } from "@std/async/delay";
import { libc, libcInHeaders, withLibc } from "../../contract/libc.ts";
import { play } from "../../contract/player.ts";
import { Process } from "../../contract/process.ts";
import { parseTranscript, root } from "../../contract/header.ts";
import { libcPaths } from "../../lib/posix/libc.ts";
import * as posix from "../../posix.ts";
import { blocks, read, sectionsOf, tableIn } from "../support/documents.ts";
import { testWith } from "../support/test_with.ts";

// docs/posix.md: its code runs, and its statements about the system calls are true.

const path = "docs/posix.md";
const text = read(path);
const sections = sectionsOf(path);

/** Registers a test that calls the C library. */
function test(name: string, fn: (folder: string) => void | Promise<void>): void {
  testWith(["Linux C library"], `${path}: ${name}`, fn);
}

test("its code runs", async () => {
  const programs = blocks(text, "ts");
  assert(programs.length > 0);
  await using process = new Process(["test", "--doc", "--allow-all", path], false);
  assertEquals(await process.exits(), 0, process.describe());
  assert(process.stdout.includes(`ok | ${programs.length} passed | 0 failed`), process.describe());
});

for (const [index, block] of blocks(text, "console").entries()) {
  test(`transcript ${index + 1}`, async () => {
    const transcript = parseTranscript(block, path);
    const sample = { path, flags: [], summary: "", transcript, needs: [] };
    assertEquals((await play(sample)).differences, []);
  });
}

// The permission.

const server = "posix/epoll_echo_server.ts";

Deno.test(`${path}: the paths of the C library are those that posix.ts opens, in its order`, () => {
  const column = Deno.build.arch === "x86_64" ? 1 : 2;
  const paths = tableIn(sections.get("The permission") ?? "").map((row) => row[column]);
  assertEquals(paths, libcPaths.map((path) => `\`${path}\``));
});

test("the path is compared as text, and can be that of a folder", async () => {
  const file = withLibc(libcInHeaders);
  const folder = file.slice(0, file.lastIndexOf("/"));
  for (const granted of [file, folder]) {
    await using process = new Process(
      ["run", `--allow-ffi=${granted}`, server, "192.0.2.1", "0"],
      false,
    );
    await process.prints(/^bind /m); // the host has no such address
  }
});

testWith(["Linux C library"], `${path}: a symbolic link is not resolved`, async (folder) => {
  const link = `${folder}/libc.so`;
  await Deno.symlink(libc ?? "", link);
  await using process = new Process(["run", `--allow-ffi=${link}`, server], false);
  assertEquals(await process.exits(), 1);
  assert(process.stderr.startsWith("dlopen: permission not granted"), process.describe());
});

testWith(["Linux C library", "python3"], `${path}: Deno does not prompt`, async () => {
  const terminal = "import pty, sys; pty.spawn(sys.argv[1:])";
  const args = ["-c", terminal, Deno.execPath(), "run", server];
  await using process = new Process(args, false, undefined, "python3");
  await process.exits();
  assert(process.stdout.includes("dlopen: permission not granted"), process.describe());
  assert(!process.stdout.includes("Allow?"), process.describe());
});

// The event loop.

/** Runs a program that Deno reads on stdin. */
async function start(code: string, ...flags: string[]): Promise<Process> {
  const process = new Process(["run", "--allow-all", ...flags, "-"], true);
  await process.type(code);
  await process.endInput();
  return process;
}

test("under load, a Poller lets timers and signals run", async () => {
  await using process = await start(`
    import { EPOLLIN, Poller, send, SOCK_STREAM, socketpair } from "./posix.ts";
    Deno.addSignalListener("SIGUSR2", () => (console.log("signal"), Deno.exit()));
    const [left, right] = socketpair(SOCK_STREAM);
    send(left, new Uint8Array(1));
    let calls = 0;
    new Poller().add(right, EPOLLIN, () => void calls++); // which leaves the byte in the socket
    setTimeout(() => console.log("timer", calls > 1), 20);
  `);
  await process.assertPrints("timer true\n");
  process.kill("SIGUSR2");
  await process.exits();
  assertEquals(process.stdout, "timer true\nsignal\n", process.describe());
});

for (const end of ["poller.remove(left)", "poller.close()", "left.close()"]) {
  test(`a Poller that waits keeps the process alive until ${end}`, async () => {
    await using process = await start(`
      import { EPOLLIN, Poller, SOCK_STREAM, socketpair } from "./posix.ts";
      const poller = new Poller();
      const [left, right] = socketpair(SOCK_STREAM);
      poller.add(left, EPOLLIN, () => {});
      addEventListener("unload", () => console.log("end"));
      setTimeout(() => (console.log("timer"), ${end}), 50);
    `);
    assertEquals(await process.exits(), 0, process.describe());
    assertEquals(process.stdout, "timer\nend\n");
  });
}

// Pitfalls.

/** Tries with longer and longer pauses until a result is as expected: another thread must get into a call. */
async function assertEventually(attempt: (pause: number) => Promise<boolean>): Promise<void> {
  for (const pause of [20, 200, 2000]) {
    if (await attempt(pause)) return;
  }
  throw new Error("not in any attempt");
}

/** The messages of a Worker, in order. */
function messagesOf(worker: Worker): ReadableStreamDefaultReader<unknown> {
  const { readable, writable } = new TransformStream();
  const writer = writable.getWriter();
  worker.onmessage = ({ data }) => void writer.write(data);
  return readable.getReader();
}

const receivingWorker = new URL("../support/receiving_worker.ts", import.meta.url).href;

test("32 pending waits block file operations and host name lookups, but not those of a Worker", async () => {
  const [left, right] = posix.socketpair(posix.SOCK_STREAM);
  using _left = left;
  using _right = right;
  /** Starts waits; resolves when they are in the pool: a later poll runs after them. */
  const occupy = async (count: number) => {
    const entries = [{ descriptor: left, events: posix.POLLIN }];
    waits.push(...Array.from({ length: count }, () => posix.poll(entries)));
    await posix.poll([], 0);
  };
  const waits: Promise<number>[] = [];
  const file = `${root}LICENSE`;
  const code = `onmessage = async () => {
    await Deno.readTextFile("${file}");
    postMessage("read");
    close();
  };
  postMessage("started");`;
  const worker = new Worker(`data:text/javascript,${encodeURIComponent(code)}`, { type: "module" });
  const messages = messagesOf(worker);
  assertEquals((await messages.read()).value, "started");

  await occupy(31);
  await Deno.readTextFile(file);
  await occupy(1);
  const done: string[] = [];
  const reading = Deno.readTextFile(file).then(() => done.push("file"));
  const unused = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  unused.close();
  const connecting = Deno.connect({ hostname: "localhost", port: unused.addr.port });
  const lookup = connecting.catch(() => done.push("name")); // no server has the port
  worker.postMessage("read");
  assertEquals((await messages.read()).value, "read");
  assertEquals(done, []);

  posix.send(right, new Uint8Array(1));
  await Promise.all([...waits, reading, lookup]);
});

for (const [how, end] of [["falls off its end", ""], ["calls Deno.exit", "Deno.exit();"]]) {
  test(`with a pending wait, a program that ${how}`, async () => {
    await using process = await start(`
      import { poll, POLLIN, SOCK_STREAM, socketpair } from "./posix.ts";
      const [left] = socketpair(SOCK_STREAM);
      poll([{ descriptor: left, events: POLLIN }], 300).then(() => console.log("waited"));
      console.log("end");
      ${end}
    `);
    assertEquals(await process.exits(), 0);
    assertEquals(process.stdout, end === "" ? "end\nwaited\n" : "end\n");
  });
}

test("closing a descriptor does not end a poll, shutdown does", async () => {
  await assertEventually(async (pause) => {
    const [left, right] = posix.socketpair(posix.SOCK_STREAM);
    using _right = right;
    const started = performance.now();
    const waiting = posix.poll([{ descriptor: left, events: posix.POLLIN }], pause + 300);
    await delay(pause);
    left.close();
    await assertRejects(() => waiting, Deno.errors.BadResource, "poll: Bad file descriptor");
    return performance.now() - started >= pause + 300;
  });

  const [left, right] = posix.socketpair(posix.SOCK_STREAM);
  using _left = left;
  using _right = right;
  const waiting = posix.poll([{ descriptor: left, events: posix.POLLIN }]);
  posix.shutdown(left, posix.SHUT_RDWR);
  assertEquals(await waiting, 1);
});

test("garbage collection does not close a descriptor", async () => {
  await using process = await start(
    `
    import { AF_INET, Descriptor, F_GETFD, fcntl, SOCK_STREAM, socket } from "./posix.ts";
    const create = () => socket(AF_INET, SOCK_STREAM).fd;
    const fd = create();
    for (let round = 0; round < 10; round++) {
      gc();
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    console.log(fcntl(new Descriptor(fd), F_GETFD));
  `,
    "--v8-flags=--expose-gc",
  );
  await process.exits();
  assertEquals(process.stdout, "1\n", process.describe());
});

test("a child process does not inherit a descriptor without fcntl", async () => {
  using descriptor = posix.socket(posix.AF_INET, posix.SOCK_STREAM);
  const isInherited = async () => {
    const args = ["-c", `test -e /proc/self/fd/${descriptor.fd}`];
    return (await new Deno.Command("sh", { args }).output()).success;
  };
  assertEquals(await isInherited(), false);
  posix.fcntl(descriptor, posix.F_SETFD, 0);
  assertEquals(await isInherited(), true);
});

test("a received descriptor may be blocking", () => {
  const [left, right] = posix.socketpair(posix.SOCK_STREAM);
  using _left = left;
  using _right = right;
  using sent = posix.socket(posix.AF_INET, posix.SOCK_STREAM);
  posix.fcntl(sent, posix.F_SETFL, 0);
  const byte = new Uint8Array(1);
  posix.sendmsg(left, new posix.Message([byte], { control: [posix.rightsMessage([sent])] }));
  const message = new posix.Message([byte], { controlSize: 64 });
  posix.recvmsg(right, message);
  const [received] = posix.receivedDescriptors(message);
  assert(received !== undefined);
  using _received = received;
  const isNonBlocking = () =>
    (posix.fcntl(received, posix.F_GETFL) & posix.O_NONBLOCK) === posix.O_NONBLOCK;
  assertEquals(isNonBlocking(), false);
  posix.fcntl(sent, posix.F_SETFL, posix.O_NONBLOCK); // of the same open file
  assertEquals(isNonBlocking(), true);
});

/** A program that connects to a port and makes its socket blocking, with a listener for SIGTERM. */
const blocking = (port: number, code: string) => `
  import * as posix from "./posix.ts";
  import { pack } from "./mod.ts";
  Deno.addSignalListener("SIGTERM", () => (console.log("listener"), Deno.exit()));
  setInterval(() => {}, 1000); // a listener alone does not keep the process alive
  const socket = posix.socket(posix.AF_INET, posix.SOCK_STREAM);
  posix.fcntl(socket, posix.F_SETFL, 0);
  posix.connect(socket, { transport: "tcp", hostname: "127.0.0.1", port: ${port} });
  console.log("receiving");
  ${code}
`;

test("a signal does not end a blocking recv without a time limit", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const code = `console.log(posix.recv(socket, new Uint8Array(80)));`;
  await using process = await start(blocking(listener.addr.port, code));
  using conn = await listener.accept();
  await process.prints(/^receiving$/m);
  for (let count = 0; count < 10; count++) {
    process.kill("SIGTERM");
    await delay(10);
  }
  await conn.write(new Uint8Array(3));
  await process.exits();
  assertEquals(process.stdout, "receiving\n3\nlistener\n");
});

test("a signal ends a blocking recv with SO_RCVTIMEO", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const code = `
    posix.setsockopt(socket, posix.SOL_SOCKET, posix.SO_RCVTIMEO, pack("=2q", 60n, 0n));
    try { posix.recv(socket, new Uint8Array(80)); } catch (error) { console.log(error.code); }
  `;
  await using process = await start(blocking(listener.addr.port, code));
  using _conn = await listener.accept();
  await process.prints(/^receiving$/m);
  await signalUntil(process, "SIGTERM", /^EINTR$/m);
});

/** Sends a signal until the process has printed a line. */
async function signalUntil(process: Process, signal: Deno.Signal, pattern: RegExp): Promise<void> {
  const printed = process.prints(pattern);
  const timer = setInterval(() => process.kill(signal), 20);
  await printed.finally(() => clearInterval(timer));
}

/** Starts a Worker that receives on a blocking socket. */
async function receive(descriptor: posix.Descriptor, pause: number) {
  posix.fcntl(descriptor, posix.F_SETFL, 0);
  const worker = new Worker(receivingWorker, { type: "module" });
  const messages = messagesOf(worker);
  worker.postMessage(descriptor.fd);
  assertEquals((await messages.read()).value, "receiving");
  await delay(pause);
  return messages;
}

test("close does not end a blocking recv in a Worker, shutdown does", async () => {
  await assertEventually(async (pause) => {
    const [left, right] = posix.socketpair(posix.SOCK_STREAM);
    using _right = right;
    const messages = await receive(left, pause);
    left.close();
    posix.send(right, new Uint8Array(3));
    return (await messages.read()).value === 3;
  });

  const [left, right] = posix.socketpair(posix.SOCK_STREAM);
  using _left = left;
  using _right = right;
  const messages = await receive(left, 0);
  posix.shutdown(left, posix.SHUT_RDWR);
  assertEquals((await messages.read()).value, 0);
});

for (
  const [how, before, after, exits] of [
    ["without shutdown, the process continues", "", "", false],
    ["after shutdown, the process ends", "posix.shutdown(left, posix.SHUT_RDWR);", "", true],
    ["Deno.exit ends the process", "", "Deno.exit();", true],
  ] as const
) {
  test(`terminate of a Worker in a blocking call: ${how}`, async () => {
    await using process = await start(`
      import * as posix from "./posix.ts";
      const [left, right] = posix.socketpair(posix.SOCK_STREAM);
      posix.fcntl(left, posix.F_SETFL, 0);
      const worker = new Worker("${receivingWorker}", { type: "module" });
      worker.postMessage(left.fd);
      await new Promise((resolve) => worker.onmessage = resolve);
      await new Promise((resolve) => setTimeout(resolve, 200));
      ${before}
      worker.terminate();
      console.log("terminated");
      ${after}
    `);
    await process.prints(/^terminated$/m);
    if (exits) return assertEquals(await process.exits(), 0, process.describe());
    await process.until(() => false, AbortSignal.timeout(500));
    assertEquals(process.code, undefined, process.describe());
  });
}

test("a send on a connection that has ended throws EPIPE", () => {
  const [left, right] = posix.socketpair(posix.SOCK_STREAM);
  using _left = left;
  right.close();
  assertThrows(() => posix.send(left, new Uint8Array(1)), Deno.errors.BrokenPipe);
});

test("SIGUSR1 starts the inspector even if the program has a listener", async () => {
  const code = `
    Deno.addSignalListener("SIGUSR1", () => console.log("listener"));
    setInterval(() => {}, 1000);
    console.log("ready");
  `;
  await using process = new Process(["eval", code], false); // deno run --quiet would not report it
  await process.prints(/^ready$/m);
  // The second, if another process has the port.
  const inspector = /Debugger listening on ws:\/\/127\.0\.0\.1:|start inspector server/;
  await signalUntil(process, "SIGUSR1", inspector);
  assert(process.stdout.includes("listener"), process.describe());
});

test("an FdSet holds numbers below 1024 only", () => {
  new posix.FdSet().add(new posix.Descriptor(1023));
  assertThrows(() => new posix.FdSet().add(new posix.Descriptor(1024)), RangeError);
});

/**
 * Closes a socket and opens a file that gets its number. Other tests in the process open descriptors too, so it may
 * take several attempts.
 *
 * @param use Called with each socket before it is closed.
 * @returns The file, and the result of `use`.
 */
function reuseNumber<T>(
  path: string,
  stack: DisposableStack,
  use: (socket: posix.Descriptor) => T,
): [posix.Descriptor, T] {
  for (;;) {
    const closed = posix.socket(posix.AF_INET, posix.SOCK_STREAM);
    const { fd } = closed;
    const used = use(closed);
    closed.close();
    const file = stack.use(posix.open(path, posix.O_RDWR | posix.O_CREAT));
    if (file.fd === fd) return [file, used];
  }
}

test("an FdSet contains numbers", (folder) => {
  using stack = new DisposableStack();
  const [file, set] = reuseNumber(`${folder}/file`, stack, (socket) => {
    const set = new posix.FdSet();
    set.add(socket);
    return set;
  });
  assertEquals(set.has(file), true);
});

test("a message of rightsMessage contains numbers", (folder) => {
  using stack = new DisposableStack();
  const [left, right] = posix.socketpair(posix.SOCK_STREAM);
  stack.use(left);
  stack.use(right);
  const byte = new Uint8Array(1);
  const [, message] = reuseNumber(`${folder}/file`, stack, (socket) => {
    return new posix.Message([byte], { control: [posix.rightsMessage([socket])] });
  });
  posix.sendmsg(left, message);
  const received = new posix.Message([byte], { controlSize: 64 });
  posix.recvmsg(right, received);
  const [file] = posix.receivedDescriptors(received);
  assert(file !== undefined);
  stack.use(file);
  assertEquals(Deno.readLinkSync(`/proc/self/fd/${file.fd}`), `${folder}/file`);
});

// Not sendto, which would send a datagram to the network.
testWith(["Linux C library", "IPv6"], `${path}: link-local addresses of IPv6 are invalid`, () => {
  const address = { transport: "tcp", hostname: "fe80::1", port: 7007 } as const;
  for (const type of [posix.SOCK_STREAM, posix.SOCK_DGRAM]) {
    using socket = posix.socket(posix.AF_INET6, type);
    for (const call of ["bind", "connect"] as const) {
      const error = assertThrows(() => posix[call](socket, address), Error);
      assertEquals(error.message, `${call} [fe80::1]:7007: Invalid argument`);
    }
  }
});

test("closing a Unix-domain socket does not remove its file", async (folder) => {
  const address = { transport: "unix", path: `${folder}/socket` } as const;
  const bind = () => {
    const listener = posix.socket(posix.AF_UNIX, posix.SOCK_STREAM);
    posix.bind(listener, address);
    posix.listen(listener, 5);
    return listener;
  };
  bind().close();
  assertThrows(bind, Deno.errors.AddrInUse);
  await Deno.remove(address.path);
  using poller = new posix.Poller();
  const signal = AbortSignal.timeout(0);
  for await (const _ of posix.acceptEvents(bind(), poller, { signal }));
  assertThrows(bind, Deno.errors.AddrInUse);
});

// Pitfalls of other FFI calls.

/** A program that calls the C library itself. */
const ownCalls = (code: string) => `
  const { symbols: c } = Deno.dlopen("${libc}", {
    location: { name: "__errno_location", parameters: [], result: "u64" },
    addressOf: { name: "memcpy", parameters: ["buffer", "u64", "u32"], result: "u64" },
    copy: { name: "memcpy", parameters: ["buffer", "u64", "u32"], result: "u64" },
    close: { parameters: ["i32"], result: "i32" },
    closeInPool: { name: "close", parameters: ["i32"], result: "i32", nonblocking: true },
    longRecv: { name: "recv", parameters: ["i32", "buffer", "u32", "i32"], result: "isize" },
    write: { parameters: ["i32", "u64", "u32"], result: "i32" },
    open: { parameters: ["buffer", "i32", "i32"], result: "i32" },
    poll: { parameters: ["buffer", "u32", "i32"], result: "i32" },
    select: { parameters: ["i32", "buffer", "buffer", "buffer", "buffer"], result: "i32" },
    epoll_create1: { parameters: ["i32"], result: "i32" },
    epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
    epoll_wait_in_pool: {
      name: "epoll_wait",
      parameters: ["i32", "buffer", "i32", "i32"],
      result: "i32",
      nonblocking: true,
    },
  });
  const location = c.location();
  const value = new Int32Array(1);
  const errno = () => (c.copy(value, location, 4), value[0]);
  const [EINTR, EBADF, EFAULT, ENOENT] = [4, 9, 14, 2];
  ${code}
`;

test("an address does not keep its buffer alive", async () => {
  await using process = await start(
    ownCalls(`
      const create = () => c.addressOf(new Uint8Array(64 << 20), 0n, 0);
      const address = create();
      const file = c.open(new TextEncoder().encode("/proc/self/comm\\0"), 1, 0); // a file that copies
      let result = 0;
      for (let round = 0; round < 100 && result !== -1; round++) {
        gc();
        await new Promise((resolve) => setTimeout(resolve, 10));
        result = c.write(file, address, 4);
      }
      console.log(result === -1 && errno() === EFAULT);
    `),
    "--v8-flags=--expose-gc",
  );
  await process.exits();
  assertEquals(process.stdout, "true\n", process.describe());
});

for (
  const [name, code, output] of [
    ["errno, read immediately", `c.close(-1); console.log(errno() === EBADF);`, "true\n"],
    [
      "another call overwrites errno",
      `c.close(-1);
      try { Deno.statSync("/no/such/file"); } catch {}
      console.log(errno() === EBADF);`,
      "false\n",
    ],
    [
      "the errno of a call with nonblocking: true cannot be read",
      `c.write(1, 1n, 1);
      console.log(await c.closeInPool(-1), errno() === EBADF);`,
      "-1 false\n",
    ],
    [
      "a result of type isize is a BigInt",
      `const result = c.longRecv(-1, new Uint8Array(1), 1, 0);
      console.log(result === -1n, result === -1);`,
      "true false\n",
    ],
    [
      "closing the epoll descriptor does not end a wait",
      `const epoll = c.epoll_create1(0);
      const started = performance.now();
      const waiting = c.epoll_wait_in_pool(epoll, new Uint8Array(16), 1, 1000);
      await new Promise((resolve) => setTimeout(resolve, 200));
      c.close(epoll);
      await waiting;
      console.log(performance.now() - started >= 1000);`,
      "true\n",
    ],
  ] as const
) {
  test(name, async () => {
    await using process = await start(ownCalls(code));
    await process.exits();
    assertEquals(process.stdout, output, process.describe());
  });
}

// With timeout 0, see tests/lib/posix_interrupt_test.ts.
for (
  const [name, call] of [
    ["poll", "c.poll(null, 0, 10_000)"],
    [
      "select",
      "c.select(0, null, null, null, new Uint8Array(new BigInt64Array([10n, 0n]).buffer))",
    ],
    ["epoll_wait", "c.epoll_wait(epoll, new Uint8Array(16), 1, 10_000)"],
  ] as const
) {
  test(`${name} fails with EINTR on the main thread`, async () => {
    await using process = await start(ownCalls(`
      Deno.addSignalListener("SIGUSR2", () => {});
      const epoll = c.epoll_create1(0);
      console.log("ready");
      while (${call} !== -1 || errno() !== EINTR);
      console.log("interrupted");
    `));
    await process.prints(/^ready$/m);
    await signalUntil(process, "SIGUSR2", /^interrupted$/m);
  });
}

test("pointers require the flag without a path", async () => {
  await using process = new Process(["run", `--allow-ffi=${libc}`, "-"], true);
  await process.type(`
    for (const use of [
      () => Deno.UnsafePointer.of(new Uint8Array(1)),
      () => new Deno.UnsafeCallback({ parameters: [], result: "void" }, () => {}),
    ]) {
      try { use(); } catch (error) { console.log(error.name); }
    }
  `);
  await process.endInput();
  await process.exits();
  assertEquals(process.stdout, "NotCapable\nNotCapable\n", process.describe());
});
