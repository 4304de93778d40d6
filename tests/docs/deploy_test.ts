import { assert, assertEquals, assertMatch } from "@std/assert";
import { testWith } from "../support/test_with.ts";
import { freePort } from "../../contract/ports.ts";
import { Process, startSample } from "../../contract/process.ts";
import { readSample, root } from "../../contract/header.ts";
import { startServer } from "../support/start.ts";

// docs/deploy.md: the units of deploy/ as systemd reads them, and the balancer.

const GUIDE = "docs/deploy.md";
const BALANCER = "deploy/haproxy.cfg";
const CONCURRENT = "servers/tcp_echo_concurrent.ts";

const services = [
  { sample: CONCURRENT, unit: "tcp_echo_concurrent.service" },
  { sample: "unix/stream_echo_server.ts", unit: "stream_echo_server.service" },
];

const read = (path: string) => Deno.readTextFileSync(`${root}${path}`);

// systemd

/** The directives of a unit, in order: `["Restart", "on-failure"]`. */
function directives(unit: string): [name: string, value: string][] {
  const lines = read(`deploy/${unit}`).replaceAll(/\\\n */g, "");
  return [...lines.matchAll(/^(\w+)=(.*)$/gm)].map(([, name = "", value = ""]) => [name, value]);
}

/** The values of a directive in a unit. */
function values(unit: string, name: string): string {
  return directives(unit).filter(([other]) => other === name).map(([, value]) => value).join(" ");
}

/** The words after the executable on a unit's command line. */
function commandLine(unit: string): string[] {
  return values(unit, "ExecStart").split(" ").slice(1);
}

/** The value of an option on a unit's command line. */
function option(unit: string, name: string): number {
  const words = commandLine(unit);
  return Number(words[words.indexOf(name) + 1]);
}

/** The errors of systemd for a unit with a drop-in. */
async function verify(folder: string, unit: string, dropIn: string): Promise<string> {
  const executable = `${folder}/executable`;
  await Deno.writeTextFile(executable, "", { mode: 0o755 });
  const text = read(`deploy/${unit}`).replace(/^ExecStart=\S+/m, `ExecStart=${executable}`);
  await Deno.writeTextFile(`${folder}/${unit}`, text);
  await Deno.mkdir(`${folder}/${unit}.d`, { recursive: true });
  const changes = dropIn.replace(/\/usr\/local\/bin\/\S+/, executable);
  await Deno.writeTextFile(`${folder}/${unit}.d/override.conf`, changes);
  const { code, stderr } = await analyze("verify", "--recursive-errors=no", `${folder}/${unit}`);
  return code === 0 ? "" : `exit status ${code}: ${stderr}`;
}

async function analyze(...args: string[]): Promise<{ code: number; stderr: string }> {
  const { code, stderr } = await new Deno.Command("systemd-analyze", { args }).output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

for (const { sample, unit } of services) {
  testWith([], `${unit} starts ${sample} with valid arguments`, async (folder) => {
    const [written = "", granted = written, replaced = granted] = unit.startsWith("tcp")
      ? ["7007", "7007", "0"]
      : ["/tmp/stream_echo.sock", "/run/stream_echo_server/echo.sock", `${folder}/echo.sock`];
    const args = commandLine(unit);
    assert(args.includes(granted), `${granted} in ${args}`);
    await using server = startSample(
      sample,
      args.map((arg) => arg === granted ? replaced : arg),
      { [written]: replaced },
    );
    await server.prints(/^listening on /m);
    server.kill("SIGTERM");
    assertEquals(await server.exits(), 0, server.describe());
  });

  Deno.test(`${unit} allows enough descriptors, and enough time to stop`, () => {
    assert(Number(values(unit, "LimitNOFILE")) >= option(unit, "--max-connections") + 64);
    assert(Number(values(unit, "TimeoutStopSec")) > option(unit, "--grace"));
  });

  testWith(["systemd-analyze"], `systemd-analyze verifies ${unit}`, async (folder) => {
    assertEquals(await verify(folder, unit, ""), "");
    assertMatch(await verify(folder, unit, "[Service]\nNoNewPrivilegs=yes\n"), /NoNewPrivilegs/);
  });

  testWith(
    ["systemd-analyze"],
    `systemd-analyze rates the exposure of ${unit} below 2`,
    async () => {
      const path = `${root}deploy/${unit}`;
      const rate = (threshold: number) =>
        analyze("security", "--offline=true", `--threshold=${threshold}`, path);
      assertEquals((await rate(20)).code, 0);
      assertEquals((await rate(0)).code, 1); // so the threshold has an effect
    },
  );
}

Deno.test("the units differ only in the server", () => {
  const [tcp = [], unix = []] = services.map(({ unit }) =>
    directives(unit).map(([name, value]) => `${name}=${value}`)
  );
  const names = [
    ...tcp.filter((line) => !unix.includes(line)),
    ...unix.filter((line) => !tcp.includes(line)),
  ].map((line) => line.split("=")[0] ?? "");
  assertEquals([...new Set(names)].sort(), [
    "After",
    "Description",
    "ExecStart",
    "IPAddressAllow",
    "PrivateNetwork",
    "RestrictAddressFamilies",
    "RuntimeDirectory",
  ]);
});

testWith(["python3"], "node:net accepts an inherited socket, unlike Deno.listen", async () => {
  const program = `
import os, socket, sys
listener = socket.create_server(("127.0.0.1", 0))
print("listening on", listener.getsockname()[1], flush=True)
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)  # it may have been 3 before, closed at exec
os.execv(sys.argv[1], [sys.argv[1], "eval", sys.argv[2]])`;
  const server = `
import net from "node:net";
net.createServer((socket) => socket.pipe(socket)).listen({ fd: 3 });`;
  const args = ["-c", program, Deno.execPath(), server];
  await using process = new Process(args, false, undefined, "python3");
  const [, port] = await process.prints(/^listening on (\d+)$/m);
  assertEquals(await exchange(Number(port), "hello"), "hello");
});

// The guide

Deno.test(`${GUIDE} quotes the units correctly`, () => {
  const lines = services.flatMap(({ unit }) =>
    directives(unit).map(([name, value]) => `${name}=${value}`)
  );
  const prose = read(GUIDE).replaceAll(/^```[^]*?^```$/gm, "");
  const quoted = [...prose.matchAll(/`([A-Z]\w+=[^`]*)`/g)].map(([, line = ""]) => line);
  assert(quoted.length > 10, `${quoted}`);
  for (const line of quoted) assert(lines.includes(line), line);
});

Deno.test(`${GUIDE} grants the Unix server the path of its unit`, () => {
  const flags = readSample("unix/stream_echo_server.ts").flags;
  const [path = ""] = commandLine("stream_echo_server.service");
  const folder = path.replace(/\/[^/]*$/, "");
  for (const flag of flags) {
    // Read permission for its folder is needed to check it.
    const isRead = flag.startsWith("--allow-read=");
    const granted = flag.replace("/tmp/stream_echo.sock", isRead ? folder : path);
    assert(read(GUIDE).includes(granted), granted);
  }
});

testWith(
  ["systemd-analyze"],
  `systemd-analyze verifies the drop-ins of ${GUIDE}`,
  async (folder) => {
    const dropIns = [...read(GUIDE).matchAll(/^```ini\n([^]*?)^```$/gm)];
    assert(dropIns.length > 0);
    for (const [, dropIn = ""] of dropIns) {
      assertEquals(await verify(folder, "tcp_echo_concurrent.service", dropIn), "", dropIn);
    }
  },
);

Deno.test(`the links in ${GUIDE} are valid`, () => {
  for (const [, link = ""] of read(GUIDE).matchAll(/\]\((?!https:)([^)#]+)/g)) {
    assert(Deno.statSync(`${root}docs/${link}`).isFile, link);
  }
});

// HAProxy

/** Starts HAProxy on a free port; returns it and the port after its checks have reached the servers. */
async function startBalancer(
  config: string,
  servers: { server: Process; port: number }[],
): Promise<{ balancer: Process; port: number }> {
  const port = freePort();
  const [a = 0, b = a] = servers.map(({ port }) => port);
  const addresses = Object.entries({ LISTEN: port, ECHO_A: a, ECHO_B: b })
    .map(([name, port]) => `${name}=127.0.0.1:${port}`);
  const args = [...addresses, "haproxy", "-db", "-f", config];
  const balancer = new Process(args, false, undefined, "env");
  for (const { server } of servers) await server.prints(/Message: alive\?/);
  return { balancer, port };
}

/** Sends a message on a new connection; returns the reply, which is at least as long. */
async function exchange(port: number, message: string): Promise<string> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.write(new TextEncoder().encode(message));
  const buffer = new Uint8Array(80);
  let length = 0;
  while (length < message.length) {
    const count = await conn.read(buffer.subarray(length));
    if (count === null) break;
    length += count;
  }
  return new TextDecoder().decode(buffer.subarray(0, length));
}

/** Makes enough connections that both servers get some; all must be answered. */
async function exchangeFour(port: number): Promise<void> {
  for (const message of ["one", "two", "three", "four"]) {
    assertEquals(await exchange(port, message), message);
  }
}

/** Starts a server behind the balancer. */
function startConcurrent(): Promise<{ server: Process; port: number }> {
  return startServer(CONCURRENT, "127.0.0.1", { 7007: "0" });
}

/** Runs the sample client against the balancer. */
async function playClient(port: number): Promise<void> {
  await using client = startSample("clients/tcp_echo.ts", ["127.0.0.1", `${port}`], {
    7007: `${port}`,
  }, true);
  await client.type("hello\n");
  await client.prints(/^hello$/m);
  await client.endInput();
  assertEquals(await client.exits(), 0, client.describe());
}

for (const signal of ["SIGKILL", "SIGTERM"] as const) {
  testWith(["haproxy"], `behind HAProxy, no client notices ${signal} of a server`, async () => {
    const [a, b] = await Promise.all([
      startConcurrent(),
      startConcurrent(),
    ]);
    await using _b = b.server;
    await using dying = a.server;
    const { balancer, port } = await startBalancer(BALANCER, [a, b]);
    await using _balancer = balancer;
    await exchangeFour(port);
    await playClient(port);
    dying.kill(signal);
    await dying.exits();
    await exchangeFour(port);
    await playClient(port);
  });
}

testWith(
  ["haproxy"],
  "HAProxy's checks detect a server that accepts and does not reply",
  async () => {
    const [a, b] = await Promise.all([
      startConcurrent(),
      startConcurrent(),
    ]);
    await using _b = b.server;
    await using hanging = a.server;
    const { balancer, port } = await startBalancer(BALANCER, [a, b]);
    await using _balancer = balancer;
    hanging.kill("SIGSTOP");
    await balancer.prints(/Server echoes\/a is DOWN/);
    await exchangeFour(port);
  },
);

testWith(
  ["haproxy"],
  "the server's peer is HAProxy, and the PROXY protocol is echoed",
  async (folder) => {
    const config = `${folder}/haproxy.cfg`;
    await Deno.writeTextFile(config, read(BALANCER).replace('"${ECHO_A}"', "$& send-proxy"));
    const a = await startConcurrent();
    await using server = a.server;
    const { balancer, port } = await startBalancer(config, [a]);
    await using _balancer = balancer;
    // One of two connections goes to the server under the name with send-proxy.
    const answers = [await exchange(port, "hello"), await exchange(port, "hello")].sort();
    const [, client] = /^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 (\d+) /.exec(answers[0] ?? "") ?? [];
    assert(client !== undefined, `${answers}`);
    await server.prints(new RegExp(`Message: PROXY TCP4 .* ${client} `));
    assert(!server.stdout.includes(`Connection from 127.0.0.1:${client}\n`), server.stdout);
  },
);

Deno.test("HAProxy's timeouts are longer than the servers', and its limits leave room for its checks", () => {
  const config = read(BALANCER);
  for (const side of ["client", "server"]) {
    const [, timeout] = new RegExp(`timeout ${side} (\\d+)s`).exec(config) ?? [];
    assert(Number(timeout) > option("tcp_echo_concurrent.service", "--idle-timeout"), timeout);
  }
  const [, most] = /maxconn (\d+)/.exec(config) ?? [];
  assert(Number(most) < option("tcp_echo_concurrent.service", "--max-connections"), most);
});
