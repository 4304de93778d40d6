import { assert, assertEquals, assertMatch } from "@std/assert";
import { freePort } from "../../contract/ports.ts";
import { type Process, startSample } from "../../contract/process.ts";
import { formatAddress } from "../../mod.ts";
import * as posix from "../../posix.ts";
import { assertEnds } from "../support/end.ts";
import { HostileServer } from "../support/peers.ts";
import { testWith } from "../support/test_with.ts";

const path = "posix/nonblocking_connect.ts";
const LOOPBACK = { hostname: "127.0.0.1", port: 0 };

const STARTED = "fcntl F_GETFL: O_NONBLOCK is set\nconnect: EINPROGRESS\n";
const CONNECTED = `${STARTED}poll: POLLOUT\ngetsockopt SO_ERROR: 0\n`;
const REFUSED = `${STARTED}poll: POLLOUT POLLERR POLLHUP\ngetsockopt SO_ERROR: ECONNREFUSED\n`;

/** Starts the sample with an address as its operands. */
function start({ hostname, port }: Deno.NetAddr, ...options: string[]): Process {
  return startSample(path, [hostname, `${port}`, ...options]);
}

for (const hostname of ["127.0.0.1", "::1"]) {
  testWith(["Linux C library", "IPv6"], `${path} connects to ${hostname}`, async () => {
    using listener = Deno.listen({ hostname, port: 0 });
    await using client = start(listener.addr);
    using conn = await listener.accept();
    const [from, to] = [conn.remoteAddr, listener.addr].map(formatAddress);
    await assertEnds(client, 0, `${CONNECTED}connected from ${from} to ${to}\n`, "");
    assertEquals(await conn.read(new Uint8Array(1)), null);
  });

  testWith(["Linux C library", "IPv6"], `${path} is refused at ${hostname}`, async () => {
    const address = { transport: "tcp", hostname, port: freePort() } as const;
    await using client = start(address);
    const stderr = `connect ${formatAddress(address)}: Connection refused\n`;
    await assertEnds(client, 1, REFUSED, stderr);
  });
}

testWith(["Linux C library"], `${path} reports an address that connect rejects`, async () => {
  await using client = start({ transport: "tcp", hostname: "127.255.255.255", port: 7 });
  const [first] = STARTED.split("connect");
  const stderr = "connect 127.255.255.255:7: Network is unreachable\n";
  await assertEnds(client, 1, first ?? "", stderr);
});

/** A listener whose backlog is full, so that the kernel drops a SYN. */
async function listenFull(): Promise<
  { listener: posix.Descriptor; address: Deno.NetAddr } & Disposable
> {
  using stack = new DisposableStack();
  const listener = stack.use(posix.socket(posix.AF_INET, posix.SOCK_STREAM));
  posix.bind(listener, { transport: "tcp", ...LOOPBACK });
  posix.listen(listener, 0); // Linux: one connection
  const address = posix.getsockname(listener) as Deno.NetAddr;
  const filler = stack.use(posix.socket(posix.AF_INET, posix.SOCK_STREAM));
  posix.connect(filler, address);
  // The listener is ready when the connection is in its backlog.
  const entry = { descriptor: listener, events: posix.POLLIN };
  assertEquals(await posix.poll([entry], 30_000), 1);
  const owned = stack.move();
  return { listener, address, [Symbol.dispose]: () => owned.dispose() };
}

testWith(["Linux C library"], `${path} times out when the backlog is full`, async () => {
  using full = await listenFull();
  await using client = start(full.address, "--timeout=0.2");
  const stderr = `connect ${formatAddress(full.address)}: timed out after 0.2 s\n`;
  await assertEnds(client, 1, `${STARTED}poll: 0\n`, stderr);
});

testWith(
  ["Linux C library"],
  `${path} connects when the backlog has room within the time limit`,
  async () => {
    using full = await listenFull();
    await using client = start(full.address, "--timeout=30");
    await client.assertPrints(STARTED);
    using _filler = posix.accept(full.listener)?.socket;
    // The kernel sends the SYN again after a second.
    assertEquals(await client.exits(), 0, client.describe());
    using accepted = posix.accept(full.listener)?.socket;
    assert(accepted !== undefined);
    assertMatch(client.stdout, /^getsockopt SO_ERROR: 0\nconnected from 127\.0\.0\.1:\d+ to /m);
  },
);

testWith(
  ["Linux C library"],
  `${path} prints at most one line on stderr if the server resets the connection`,
  async () => {
    await using server = new HostileServer((socket) => socket.resetAndDestroy());
    const address = await server.listen();
    const [hostname = "", port = ""] = address.split(":");
    await using client = startSample(path, [hostname, port]);
    // The reset arrives before the sample reads SO_ERROR, or later.
    const status = await client.exits();
    const expected = status === 0 ? "" : `connect ${address}: Connection reset by peer\n`;
    assertEquals(client.stderr, expected, client.describe());
  },
);
