import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { unmapAddress } from "../../lib/address/format.ts";
import { AddrInfoError } from "../../lib/address/addrinfo_error.ts";
import { isHere } from "../../contract/requirements.ts";
import { accept } from "../../lib/server/accept.ts";
import { echo } from "../../lib/server/echo.ts";
import { readN, writeN } from "../../lib/io/read_write.ts";
import { openClient, openListener, openListeners } from "../../lib/socket/tcp.ts";
import { testWith } from "../support/test_with.ts";

/** For a test that would never end if it failed: far more than any needs. */
const PATIENCE = { timeout: 60_000 };

/** Asserts that who asks for `host` and `service` is the next client that `listener` accepts. */
async function assertReaches(
  listener: Deno.TcpListener,
  host: string,
  service: string | number,
): Promise<void> {
  const where = `${host} ${JSON.stringify(service)}`;
  using client = await openClient(host, service);
  using conn = await listener.accept();
  assertEquals(unmapAddress(conn.remoteAddr), client.localAddr, where);
  await client.write(new Uint8Array([7]));
  const p = new Uint8Array(2);
  assertEquals([await conn.read(p), p[0]], [1, 7], where);
}

Deno.test("openListener() takes a free port of 127.0.0.1 for 0", async () => {
  for (const service of [0, "0", "000"]) {
    using a = await openListener(service);
    using b = await openListener(service);
    assertEquals([a.addr.hostname, b.addr.hostname], ["127.0.0.1", "127.0.0.1"], `${service}`);
    assert(a.addr.port > 0 && b.addr.port > 0 && a.addr.port !== b.addr.port, `${service}`);
  }
});

Deno.test("openClient() takes a port as a number and as text", PATIENCE, async () => {
  using listener = await openListener(0);
  const { port } = listener.addr;
  for (const service of [port, `${port}`, `0${port}`]) {
    await assertReaches(listener, "127.0.0.1", service);
    await assertReaches(listener, "localhost", service);
  }
});

Deno.test("openListener() lets many clients wait until it accepts them", PATIENCE, async () => {
  using listener = await openListener(0);
  const open = () => openClient("127.0.0.1", listener.addr.port);
  const clients = await Promise.all(Array.from({ length: 700 }, open));
  for (const client of clients) client.close();
});

const hasIpv6 = isHere("IPv6");
Deno.test({
  name: "openClient() and openListener() work with IPv6, and IPv4 on ::" +
    (hasIpv6 ? "" : " (ignored: ::1 cannot be bound)"),
  ignore: !hasIpv6,
  ...PATIENCE,
  async fn() {
    const hosts = { "::1": ["::1", "0:0:0:0:0:0:0:1"], "::": ["::1", "127.0.0.1", "localhost"] };
    for (const [hostname, reachable] of Object.entries(hosts)) {
      using listener = await openListener(0, { hostname });
      assertEquals(listener.addr.hostname, hostname);
      for (const host of reachable) await assertReaches(listener, host, listener.addr.port);
    }
  },
});

Deno.test("openClient() and openListener() name the call, the address and the cause", async () => {
  using listener = await openListener(0);
  const taken = listener.addr.port;
  // A client's port: nobody listens on it, and nobody else gets it meanwhile.
  using client = await openClient("127.0.0.1", taken);
  const refused = client.localAddr.port;
  const { AddrInUse, AddrNotAvailable, ConnectionRefused } = Deno.errors;
  const open = {
    connect: openClient,
    bind: (hostname: string, service: string | number) => openListener(service, { hostname }),
  };
  const cases: [
    call: keyof typeof open,
    host: string,
    service: string | number,
    errorClass: new () => Error,
    message: string,
  ][] = [
    ["connect", "127.0.0.1", refused, ConnectionRefused, `${refused}: Connection refused`],
    ["connect", "127.0.0.1", `${refused}`, ConnectionRefused, `${refused}: Connection refused`],
    ["bind", "127.0.0.1", taken, AddrInUse, `${taken}: Address already in use`],
    ["bind", "192.0.2.1", 0, AddrNotAvailable, "0: Cannot assign requested address"],
    ["bind", "192.0.2.1", "echo", AddrNotAvailable, "7: Cannot assign requested address"],
  ];
  for (const [call, host, service, errorClass, message] of cases) {
    const where = `${call} ${host}:${message}`;
    const error = await assertRejects(() => open[call](host, service), Error, "", where);
    assertEquals(error.message, where);
    assertStrictEquals(error.constructor, errorClass, where);
    assertInstanceOf(error.cause, errorClass, where);
  }
});

Deno.test("openClient() and openListener() name a host that there is not", async () => {
  // What the resolver says differs from system to system.
  const hostname = "name.invalid";
  for (const call of [() => openClient(hostname, 7), () => openListener(0, { hostname })]) {
    await assertRejects(call, AddrInfoError, "getaddrinfo name.invalid: ");
  }
});

Deno.test("openClient() and openListener() refuse what is no service", async () => {
  const cases: [service: string | number, message: string][] = [
    [65536, "port 65536 is not from 0 to 65535"],
    ["65536", "port 65536 is not from 0 to 65535"],
    [-1, 'unknown service "-1" for tcp'],
    [0.5, 'unknown service "0.5" for tcp'],
    [NaN, 'unknown service "NaN" for tcp'],
    ["", 'unknown service "" for tcp'],
    [" 7", 'unknown service " 7" for tcp'],
    ["nothing", 'unknown service "nothing" for tcp'],
    ["tftp", 'unknown service "tftp" for tcp'], // it is one of UDP
  ];
  for (const [service, message] of cases) {
    await assertRejects(() => openClient("127.0.0.1", service), RangeError, message);
    await assertRejects(() => openListener(service), RangeError, message);
  }
});

testWith(
  ["IPv6"],
  "one socket on :: takes clients of both stacks, and shows each as what it is",
  async () => {
    using listener = await openListener(0, { hostname: "::" });
    for (const host of ["127.0.0.1", "::1"]) {
      using client = await openClient(host, listener.addr.port);
      for await (using conn of accept(listener)) {
        assertEquals(conn.remoteAddr, client.localAddr);
        assertEquals(conn.remoteAddr.hostname, host);
        break;
      }
    }
  },
);

testWith(
  ["IPv6"],
  "openListeners() opens a socket for each loopback address, on one port",
  async () => {
    const listeners = await openListeners(null, 0);
    const [first, second] = listeners.map(({ addr }) => addr);
    assertEquals([first?.hostname, second?.hostname].sort(), ["127.0.0.1", "::1"]);
    assertEquals(first?.port, second?.port);

    const stop = new AbortController();
    const loops = listeners.map(async (listener) => {
      for await (const conn of accept(listener, { signal: stop.signal })) conn.serve(echo);
    });
    for (const { addr } of listeners) {
      using client = await openClient(addr.hostname, addr.port);
      await writeN(client, new TextEncoder().encode("hello"));
      assertEquals(await readN(client, new Uint8Array(5)), 5, addr.hostname);
    }
    stop.abort();
    await Promise.all(loops);
  },
);

testWith(
  ["IPv6"],
  "openListeners() leaves nothing open when one of its ports is taken",
  async () => {
    using taken = await openListener(0);
    const { port } = taken.addr;
    await assertRejects(() => openListeners(null, port), Deno.errors.AddrInUse);
    (await openListener(port, { hostname: "::1" })).close();
  },
);

Deno.test("openListeners() fails for an address that is not this host's", async () => {
  await assertRejects(() => openListeners("192.0.2.1", 0), Deno.errors.AddrNotAvailable);
});
