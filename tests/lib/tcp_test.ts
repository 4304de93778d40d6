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
import { withTimeout } from "../../lib/io/timeout.ts";
import { testLeaks } from "../support/test_leaks.ts";
import { testWith } from "../support/test_with.ts";
import { stopwatch } from "../support/time.ts";

/** The time limit of a test that would not end if it failed, in ms. */
const PATIENCE = { timeout: 60_000 };

/** Asserts that a client of `host` and `service` is the next that `listener` accepts. */
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

Deno.test("openListener() binds a free port of 127.0.0.1 for 0", async () => {
  for (const service of [0, "0", "000"]) {
    using a = await openListener(service);
    using b = await openListener(service);
    assertEquals([a.addr.hostname, b.addr.hostname], ["127.0.0.1", "127.0.0.1"], `${service}`);
    assert(a.addr.port > 0 && b.addr.port > 0 && a.addr.port !== b.addr.port, `${service}`);
  }
});

Deno.test("openClient() accepts a port as a number and as a string", PATIENCE, async () => {
  using listener = await openListener(0);
  const { port } = listener.addr;
  for (const service of [port, `${port}`, `0${port}`]) {
    await assertReaches(listener, "127.0.0.1", service);
    await assertReaches(listener, "localhost", service);
  }
});

Deno.test("openListener() has room for many clients in its backlog", PATIENCE, async () => {
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

Deno.test("the errors of openClient() and openListener() name the call, the address and the cause", async () => {
  using listener = await openListener(0);
  const taken = listener.addr.port;
  // A client's port: no server listens on it, and no other process can bind it meanwhile.
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

Deno.test("openClient() and openListener() reject an unknown host; the error names it", async () => {
  // The resolver's message depends on the system.
  const hostname = "name.invalid";
  for (const call of [() => openClient(hostname, 7), () => openListener(0, { hostname })]) {
    await assertRejects(call, AddrInfoError, "getaddrinfo name.invalid: ");
  }
});

Deno.test("openClient() and openListener() reject an invalid service", async () => {
  const cases: [service: string | number, message: string][] = [
    [65536, "port 65536 is not from 0 to 65535"],
    ["65536", "port 65536 is not from 0 to 65535"],
    [-1, 'unknown service "-1" for tcp'],
    [0.5, 'unknown service "0.5" for tcp'],
    [NaN, 'unknown service "NaN" for tcp'],
    ["", 'unknown service "" for tcp'],
    [" 7", 'unknown service " 7" for tcp'],
    ["nothing", 'unknown service "nothing" for tcp'],
    ["tftp", 'unknown service "tftp" for tcp'], // a service over UDP
  ];
  for (const [service, message] of cases) {
    await assertRejects(() => openClient("127.0.0.1", service), RangeError, message);
    await assertRejects(() => openListener(service), RangeError, message);
  }
});

testWith(
  ["IPv6"],
  "a listener on :: accepts clients of both stacks, with unmapped addresses",
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
  "openListeners() opens a socket for each loopback address on the same port",
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
  "openListeners() closes all its listeners if one of the ports is in use",
  async () => {
    using taken = await openListener(0);
    const { port } = taken.addr;
    await assertRejects(() => openListeners(null, port), Deno.errors.AddrInUse);
    (await openListener(port, { hostname: "::1" })).close();
  },
);

Deno.test("openListeners() rejects an address that this host does not have", async () => {
  await assertRejects(() => openListeners("192.0.2.1", 0), Deno.errors.AddrNotAvailable);
});

/** A listener whose queue is full, so that a connection to it stays pending. */
async function fullListener(): Promise<{ port: number } & Disposable> {
  const listener = await openListener(0, { backlog: 1 });
  const { port } = listener.addr;
  const clients: Disposable[] = [];
  for (;;) {
    try {
      clients.push(await openClient("127.0.0.1", port, { timeout: 50 }));
    } catch (error) {
      if (!(error instanceof Deno.errors.TimedOut)) throw error;
      break;
    }
  }
  return {
    port,
    [Symbol.dispose]: () => {
      for (const client of clients) client[Symbol.dispose]();
      listener.close();
    },
  };
}

Deno.test("openClient() connects before its timeout, and leaves no timer", async () => {
  using listener = await openListener(0);
  const { signal } = new AbortController();
  for (const options of [{ timeout: 60_000 }, { signal }, { timeout: 60_000, signal }]) {
    using client = await openClient("127.0.0.1", listener.addr.port, options);
    using conn = await listener.accept();
    assertEquals(conn.remoteAddr, client.localAddr);
  }
});

Deno.test("openClient() times out, and its error names the call and the address", async () => {
  using listener = await fullListener();
  for (const timeout of [0, 20]) {
    const elapsed = stopwatch();
    const error = await assertRejects(
      () => openClient("127.0.0.1", listener.port, { timeout }),
      Deno.errors.TimedOut,
    );
    const at = `127.0.0.1:${listener.port}`;
    assertEquals(error.message, `connect ${at}: timed out after ${timeout / 1000} s`);
    assert(elapsed() > timeout - 1, `after ${elapsed()} ms, not ${timeout}`);
  }
});

Deno.test("openClient() ends with the signal's reason when it aborts", async () => {
  using listener = await fullListener();
  const reason = new Error("the user has given up");
  const stop = new AbortController();
  for (const options of [{ signal: stop.signal }, { signal: stop.signal, timeout: 60_000 }]) {
    const connecting = openClient("127.0.0.1", listener.port, options);
    setTimeout(() => stop.abort(reason), 5);
    assertStrictEquals(await assertRejects(() => connecting, Error), reason);
  }
});

testLeaks(
  "openClient() cancels the connection when it times out or its signal aborts",
  async () => {
    using listener = await fullListener();
    const { connect } = Deno;
    const connections: Promise<unknown>[] = [];
    Deno.connect = ((options: Deno.ConnectOptions) => {
      const connection = connect(options);
      connections.push(connection);
      return connection;
    }) as typeof Deno.connect;
    try {
      const limits = [() => ({ timeout: 1 }), () => ({ signal: AbortSignal.timeout(1) })];
      for (const limit of limits) {
        await assertRejects(() => openClient("127.0.0.1", listener.port, limit()), Error);
      }
    } finally {
      Deno.connect = connect;
    }
    // Well before the system gives up, after two minutes.
    const results = await withTimeout(Promise.allSettled(connections), 30_000, "still connecting");
    assertEquals(results.map(({ status }) => status), ["rejected", "rejected"]);
  },
);

/**
 * Runs `fn` with another Deno.connect, which connects when `open` is called. As if it had connected just
 * before it is cancelled, it ignores its signal.
 */
async function withLateConnect(
  fn: (open: () => void, connections: Promise<Deno.TcpConn>[]) => Promise<void>,
): Promise<void> {
  const { connect } = Deno;
  const { promise: isOpen, resolve: open } = Promise.withResolvers<void>();
  const connections: Promise<Deno.TcpConn>[] = [];
  Deno.connect = (({ hostname = "", port }: Deno.ConnectOptions) => {
    const connection = isOpen.then(() => connect({ hostname, port }));
    connections.push(connection);
    return connection;
  }) as typeof Deno.connect;
  try {
    await fn(open, connections);
  } finally {
    Deno.connect = connect;
  }
}

testLeaks("openClient() closes a connection that comes after its timeout", async () => {
  using listener = await openListener(0);
  await withLateConnect(async (open) => {
    const connecting = openClient("127.0.0.1", listener.addr.port, { timeout: 1 });
    await assertRejects(() => connecting, Deno.errors.TimedOut);
    open();
    using conn = await listener.accept();
    assertEquals(await conn.read(new Uint8Array(8)), null);
  });
});

testLeaks("openClient() closes a connection that comes after an abort", async () => {
  using listener = await openListener(0);
  await withLateConnect(async (open) => {
    const stop = new AbortController();
    const connecting = openClient("127.0.0.1", listener.addr.port, { signal: stop.signal });
    setTimeout(() => stop.abort(), 1);
    await assertRejects(() => connecting, DOMException);
    open();
    using conn = await listener.accept();
    assertEquals(await conn.read(new Uint8Array(8)), null);
  });
});

testLeaks("openClient() does not connect if its signal has aborted", async () => {
  await withLateConnect(async (_open, connections) => {
    const reason = new Error("before the call");
    const signal = AbortSignal.abort(reason);
    const connecting = openClient("127.0.0.1", 1, { signal, timeout: 1 });
    assertStrictEquals(await assertRejects(() => connecting, Error), reason);
    assertEquals(connections.length, 0);
  });
});

testLeaks("openClient() handles a failure that comes after its timeout", async () => {
  using listener = await openListener(0);
  const { port } = listener.addr;
  listener.close();
  await withLateConnect(async (open, connections) => {
    const connecting = openClient("127.0.0.1", port, { timeout: 1 });
    await assertRejects(() => connecting, Deno.errors.TimedOut);
    open();
    await Promise.allSettled(connections);
  });
});

testLeaks("openClient() leaves no timer and no listener of its signal behind", async () => {
  using listener = await openListener(0);
  const { signal } = new AbortController();
  using _client = await openClient("127.0.0.1", listener.addr.port, { timeout: 60_000, signal });
  using _conn = await listener.accept();
  const refused = openClient("127.0.0.1", 1, { timeout: 60_000, signal });
  await assertRejects(() => refused, Deno.errors.ConnectionRefused);
});
