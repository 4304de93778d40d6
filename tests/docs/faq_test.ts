import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import net from "node:net";
import * as library from "../../mod.ts";
import { environment, Process, temporaryFolder } from "../../contract/process.ts";
import { play } from "../../contract/player.ts";
import { parseTranscript, root } from "../../contract/header.ts";
import { blocks, sectionsOf } from "../support/documents.ts";

// docs/faq.md: its code runs, and what it says of Deno holds.

const faq = "docs/faq.md";
const loopback = { hostname: "127.0.0.1", port: 0 };
const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test(`${faq}: its code runs`, async () => {
  const programs = blocks(await Deno.readTextFile(`${root}${faq}`), "ts");
  assert(programs.length > 0);
  await using process = new Process(["test", "--doc", "--allow-all", faq], false);
  assertEquals(await process.exits(), 0, process.describe());
  assert(process.stdout.includes(`ok | ${programs.length} passed | 0 failed`), process.describe());
});

for (const [heading, section] of sectionsOf(faq)) {
  for (const block of blocks(section, "console")) {
    Deno.test(`${faq}: ${heading}`, async () => {
      const transcript = parseTranscript(block, faq);
      const sample = { path: faq, flags: [], summary: heading, transcript, needs: [] };
      assertEquals((await play(sample)).differences, []);
    });
  }
}

Deno.test(`${faq}: deno install requires --config`, async () => {
  await using folder = await temporaryFolder();
  const text = await Deno.readTextFile(`${root}${faq}`);
  const [, line = ""] = /^deno (install .*)$/m.exec(text) ?? [];
  const args = [...line.split(" "), "--root", folder.path];
  const install = async (args: string[]) => {
    await using process = new Process(args, false);
    return [await process.exits(), process.stdout + process.stderr] as const;
  };
  const [, why = ""] = /fails\s+with `(.*?)`/.exec(text) ?? [];
  const [refused, says] = await install(args.filter((arg) => !/config|deno\.json/.test(arg)));
  assert(refused === 1 && why !== "" && says.includes(why), says);

  assertEquals((await install(args))[0], 0);
  const command = `${folder.path}/bin/tcp_echo_iterative`;
  // Only one server can have the port of the flag, so it is asked for another.
  await using process = new Process(["127.0.0.1", "0"], false, undefined, command);
  const code = await process.exits();
  const refusal = "bind 127.0.0.1:0: permission not granted, requires --allow-net=127.0.0.1:0\n";
  assertEquals([code, process.stderr], [1, refusal]);
});

Deno.test(`${faq}: a client that resets ends a plain loop, but not the listener`, async () => {
  using listener = Deno.listen(loopback);
  const socket = net.connect(listener.addr.port, "127.0.0.1");
  const closed = new Promise((resolve) => socket.once("close", resolve));
  await new Promise((resolve) => socket.once("connect", resolve));
  socket.resetAndDestroy();
  await closed;
  await assertRejects(async () => {
    for await (const conn of listener) conn.close();
  }, Deno.errors.NotConnected);
  using _client = await connect(listener);
  using _conn = await listener.accept();
});

Deno.test(`${faq}: a write may be short`, async () => {
  using listener = Deno.listen(loopback);
  using client = await connect(listener);
  using _conn = await listener.accept();
  const count = await client.write(new Uint8Array(50_000_000));
  assert(count > 0 && count < 50_000_000, `it wrote ${count} bytes`);
});

Deno.test(`${faq}: Deno.Buffer, Deno.iter and Deno.readAll do not exist`, () => {
  for (const name of ["Buffer", "iter", "readAll"]) assert(!(name in Deno), name);
});

Deno.test({
  // Elsewhere, a client that the backlog has no room for is refused, or gets in.
  name: `${faq}: a signal aborts a connect, but does not close a connection` + onLinuxOnly(),
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    using listener = Deno.listen({ ...loopback, tcpBacklog: 1 });
    const { hostname, port } = listener.addr;
    const inTime = new AbortController();
    using client = await Deno.connect({ hostname, port, signal: inTime.signal });
    using _other = await connect(listener);
    const late = AbortSignal.timeout(10); // the backlog is full
    const connecting = () => Deno.connect({ hostname, port, signal: late });
    const { name } = await assertRejects(connecting, DOMException);
    assertEquals(name, "TimeoutError");

    inTime.abort();
    using conn = await listener.accept();
    await client.write(bytes("on"));
    assertEquals(await conn.read(new Uint8Array(80)), 2);
  },
});

Deno.test(`${faq}: a Unix connect ignores its signal`, async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/socket`;
  using _listener = Deno.listen({ transport: "unix", path });
  const options = { transport: "unix", path, signal: AbortSignal.abort() } as const;
  using _client = await Deno.connect(options as Deno.UnixConnectOptions);
});

Deno.test(`${faq}: datagrams and reusePort are unstable, Unix streams are not`, async () => {
  await using folder = await temporaryFolder();
  const program = `
    Deno.listen({ transport: "unix", path: "${folder.path}/socket" }).close();
    console.log(typeof Deno.listenDatagram);
    Deno.listen({ hostname: "127.0.0.1", port: 0, reusePort: true }).close();
    console.log("reusePort");
  `;
  const args = ["run", "--allow-all", "--no-config"];
  assertEquals(await runProgram([...args, "-"], program), "undefined\n");
  assertEquals(
    await runProgram([...args, "--unstable-net", "-"], program),
    "function\nreusePort\n",
  );
});

Deno.test(`${faq}: a datagram to a closed port causes no error`, async () => {
  const nobody = await library.openDatagram(0);
  const { port } = nobody.addr as Deno.NetAddr;
  nobody.close();
  using client = await library.connectDatagram("127.0.0.1", port);
  await client.send(bytes("hello"));
  await assertRejects(() => client.receive(80, 50), Deno.errors.TimedOut);
  await client.send(bytes("hello"));
});

Deno.test(`${faq}: a datagram longer than the buffer is truncated without an error`, async () => {
  using socket = await library.openDatagram(0);
  await library.sendTo(socket, bytes("hello"), socket.addr);
  assertEquals((await socket.receive(new Uint8Array(4)))[0], bytes("hell"));
  await library.sendTo(socket, bytes("hello"), socket.addr);
  assertEquals((await library.recvFrom(socket, 4)).truncated, true);
});

/** How a program ends that has a Unix listener, and whether its file stays. */
const endings: [how: string, code: string, stays: boolean][] = [
  ["was killed", `Deno.kill(Deno.pid, "SIGTERM"); await new Promise(() => {});`, true],
  ["called Deno.exit", "Deno.exit();", true],
  ["closed the listener", "listener.close();", false],
  ["had nothing left to do", "listener.unref();", false],
  ["failed", `throw new Error("as it should");`, false],
];

for (const [how, code, stays] of endings) {
  const outcome = stays ? "leaves a file that only openUnixListener takes over" : "leaves none";
  Deno.test(`${faq}: a Unix server that ${how} ${outcome}`, async () => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/socket`;
    const program = `
      const listener = Deno.listen({ transport: "unix", path: "${path}" });
      console.log(Deno.lstatSync("${path}").isSocket);
      ${code}
    `;
    assertEquals(await runProgram(["run", "--allow-all", "-"], program), "true\n");
    if (stays) {
      assertThrows(() => Deno.listen({ transport: "unix", path }), Deno.errors.AddrInUse);
      (await library.openUnixListener(path)).close();
    }
    assertThrows(() => Deno.lstatSync(path), Deno.errors.NotFound);
  });
}

Deno.test(`${faq}: a Unix datagram socket leaves its file`, async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/socket`;
  Deno.listenDatagram({ transport: "unixpacket", path }).close();
  assert(Deno.lstatSync(path).isSocket);
});

Deno.test(`${faq}: conn.readable and conn.writable close both directions`, async () => {
  using listener = Deno.listen(loopback);
  const client = await connect(listener);
  const conn = await listener.accept();
  await client.closeWrite();
  assertEquals((await Array.fromAsync(conn.readable)).length, 0);
  await assertRejects(() => conn.write(bytes("late")), Deno.errors.BadResource);

  const other = await connect(listener);
  using _its = await listener.accept();
  await other.writable.close();
  await assertRejects(() => other.read(new Uint8Array(80)), Deno.errors.BadResource);
  client.close();
});

Deno.test(`${faq}: a pending accept keeps a closed listener's port in use, connections do not`, async () => {
  const listener = Deno.listen(loopback);
  const { hostname, port } = listener.addr;
  const accepting = listener.accept().then(() => false, library.isClosedError);
  listener.close();
  assertThrows(() => Deno.listen({ hostname, port }), Deno.errors.AddrInUse);
  assert(await accepting);

  const again = Deno.listen({ hostname, port });
  using waiting = await connect(again);
  const closed = await again.accept();
  closed.close(); // the first to close is the one that stays in TIME_WAIT
  assertEquals(await waiting.read(new Uint8Array(80)), null);
  using _open = await connect(again);
  using _its = await again.accept();
  again.close();
  Deno.listen({ hostname, port }).close();
});

Deno.test(`${faq}: the wildcard conflicts with other addresses, and sharing requires reusePort`, () => {
  using wildcard = Deno.listen({ hostname: "0.0.0.0", port: 0 });
  for (const hostname of ["127.0.0.1", "::"]) {
    assertThrows(() => Deno.listen({ hostname, port: wildcard.addr.port }), Deno.errors.AddrInUse);
  }
  using alone = Deno.listen(loopback);
  const shared = { hostname: "127.0.0.1", port: alone.addr.port, reusePort: true };
  assertThrows(() => Deno.listen(shared), Deno.errors.AddrInUse);
  using first = Deno.listen({ ...loopback, reusePort: true });
  Deno.listen({ ...shared, port: first.addr.port }).close();
});

Deno.test(`${faq}: a broadcast is received on its address and the wildcard, not on the host's`, async () => {
  using own = await library.openDatagram(0);
  const { port } = own.addr as Deno.NetAddr;
  using broadcast = await library.openDatagram(port, { hostname: "127.255.255.255" });
  await library.sendTo(own, bytes("to all"), broadcast.addr);
  await library.sendTo(own, bytes("to one"), own.addr);
  assertEquals((await library.recvFrom(broadcast, 80)).message, bytes("to all"));
  assertEquals((await library.recvFrom(own, 80)).message, bytes("to one"));

  using wildcard = await library.openDatagram(0, { hostname: "0.0.0.0" });
  const all = { ...wildcard.addr as Deno.NetAddr, hostname: "127.255.255.255" };
  await library.sendTo(own, bytes("to all"), all);
  assertEquals((await library.recvFrom(wildcard, 80)).message, bytes("to all"));
});

Deno.test({
  // Deno downloads the runtime that it packs; any program of the system stands in for it here.
  name: `${faq}: an executable has the permissions of the flags before the file's name` +
    onLinuxOnly(),
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using folder = await temporaryFolder();
    const output = `${folder.path}/server`;
    const text = await Deno.readTextFile(`${root}${faq}`);
    const [, flags = "", path = "", args = ""] =
      /^deno compile (-.*) ([\w/]+\.ts) (.*)$/m.exec(text) ?? [];
    for (const prompt of [true, false]) {
      const before = flags.split(" ").filter((flag) => flag !== "--no-prompt" || !prompt);
      const { success, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["compile", ...before, "--output", output, path, ...args.split(" "), "--allow-net"],
        cwd: root,
        clearEnv: true,
        env: { ...environment(), DENORT_BIN: "/bin/true" },
      }).output();
      assert(success, new TextDecoder().decode(stderr));
      const packed = new TextDecoder("latin1").decode(await Deno.readFile(output));
      const [, permissions = ""] = /"permissions":(\{[^{}]*\})/.exec(packed) ?? [];
      const { allow_net, allow_read, prompt: asks } = JSON.parse(permissions);
      assertEquals([allow_net, allow_read, asks], [["127.0.0.1:7007"], null, prompt]);
      const [, argv = ""] = /"argv":(\[[^\]]*\])/.exec(packed) ?? [];
      assertEquals(JSON.parse(argv), [...args.split(" "), "--allow-net"]);
    }
  },
});

/** What the name of a test says that is ignored elsewhere. */
function onLinuxOnly(): string {
  return Deno.build.os === "linux" ? "" : " (not Linux)";
}

/** Connects to a listener of ours. */
async function connect(listener: Deno.TcpListener): Promise<Deno.TcpConn> {
  return await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
}

/** Runs a program that `deno` reads on stdin; returns what it printed. */
async function runProgram(args: string[], code: string): Promise<string> {
  await using process = new Process(args, true);
  await process.type(code);
  await process.endInput();
  await process.exits();
  return process.stdout;
}
