import { assert, assertEquals, assertRejects } from "@std/assert";
import { Process } from "../../contract/process.ts";
import type { ReceiveOptions } from "../../lib/server/datagrams.ts";
import * as posix from "../../posix.ts";
import { toBytes, toText } from "../support/bytes.ts";
import { runProgram, startPython } from "../support/program.ts";
import { testWith } from "../support/test_with.ts";
import { stopwatch, waitFor } from "../support/time.ts";

// receiveBatches(), tested as datagrams() is in tests/lib/datagrams_test.ts, a batch at a time.

const { AF_INET, MessageBatch, receiveBatches, recvfrom, sendmmsg, sendto, SOCK_DGRAM } = posix;

/** A UDP socket on 127.0.0.1, and its address. */
function udp(stack: DisposableStack): { socket: posix.Descriptor; addr: Deno.NetAddr } {
  const socket = stack.use(posix.socket(AF_INET, SOCK_DGRAM));
  posix.bind(socket, { transport: "udp", hostname: "127.0.0.1", port: 0 });
  return { socket, addr: posix.getsockname(socket) as Deno.NetAddr };
}

/** The texts of a batch. */
function textsOf(batch: posix.MessageBatch, count: number): string[] {
  return Array.from({ length: count }, (_, i) => toText(batch.message(i)));
}

/** A loop that calls `onText` with each datagram. */
function record(
  socket: posix.Descriptor,
  options: ReceiveOptions,
  onText: (text: string) => void | Promise<void>,
  capacity: number = 4,
): Promise<void> {
  const batch = new MessageBatch(capacity, 80);
  return receiveBatches(socket, batch, async (count) => {
    assert(count > 0 && count <= capacity);
    for (const text of textsOf(batch, count)) await onText(text);
  }, options);
}

/** Fails if a promise does not settle. */
async function soon(promise: Promise<void>): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("it does not end")), 20_000);
  await Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

testWith(
  ["Linux C library"],
  "receiveBatches() yields the queued datagrams when its signal aborts",
  async () => {
    for (const isAborted of [true, false]) {
      using stack = new DisposableStack();
      const [client, server] = [udp(stack), udp(stack)];
      const expected = Array.from({ length: 50 }, (_, i) => `${i}`);
      for (const text of expected) sendto(client.socket, toBytes(text), server.addr);
      const stop = new AbortController();
      if (isAborted) stop.abort();
      else setTimeout(() => stop.abort(), 5);
      const came: string[] = [];
      await soon(record(server.socket, { signal: stop.signal }, (text) => void came.push(text)));
      assertEquals(came, expected);
      sendto(server.socket, toBytes("still open"), client.addr);
      assertEquals(recvfrom(client.socket, new Uint8Array(80))?.size, 10);
    }
  },
);

testWith(
  ["Linux C library"],
  "receiveBatches() waits for the function before it ends, and receives what has arrived",
  async () => {
    using stack = new DisposableStack();
    const [client, server] = [udp(stack), udp(stack)];
    const stop = new AbortController();
    sendto(client.socket, toBytes("slow"), server.addr);
    const came: string[] = [];
    await soon(record(server.socket, { signal: stop.signal }, async (text) => {
      if (text === "slow") {
        stop.abort();
        await new Promise((resolve) => setTimeout(resolve, 200)); // longer than the quiet time
        sendto(client.socket, toBytes("sent in the meantime"), server.addr);
      }
      came.push(text);
    }));
    assertEquals(came, ["slow", "sent in the meantime"]);
  },
);

testWith(["Linux C library"], "receiveBatches() ends when its socket is closed", async () => {
  for (const when of ["before it begins", "while it waits", "in its function"]) {
    using stack = new DisposableStack();
    const [client, server] = [udp(stack), udp(stack)];
    const errors: Error[] = [];
    const close = () => server.socket.close();
    if (when === "before it begins") {
      close();
      const loop = record(server.socket, {}, () => {});
      await assertRejects(() => loop, Deno.errors.BadResource);
      continue;
    }
    const loop = record(server.socket, { onError: (error) => errors.push(error) }, close);
    if (when === "while it waits") setTimeout(close, 5);
    else sendto(client.socket, toBytes("x"), server.addr);
    await soon(loop);
    assertEquals(errors, [], when);
  }
});

testWith(
  ["Linux C library"],
  "receiveBatches() reports each error once, with its message, and continues",
  async () => {
    using stack = new DisposableStack();
    const [client, server, gone] = [udp(stack), udp(stack), udp(stack)];
    const stop = new AbortController();
    const errors: string[] = [];
    const onError = (error: Error) => {
      errors.push(error.message);
      if (errors.length === 1) {
        // Connected to the client, the socket receives its datagrams.
        posix.connect(server.socket, client.addr);
        for (const text of ["fails", "fails too", "last"]) {
          sendto(client.socket, toBytes(text), server.addr);
        }
      }
    };
    gone.socket.close();
    posix.connect(server.socket, gone.addr);
    posix.send(server.socket, toBytes("to a closed port")); // ECONNREFUSED
    const came: string[] = [];
    await soon(record(server.socket, { signal: stop.signal, onError }, (text) => {
      came.push(text);
      if (text === "last") stop.abort();
      if (text === "fails") throw new Error("a bug");
      if (text === "fails too") posix.send(gone.socket, toBytes(text));
    }, 1));
    assertEquals(errors, ["recvmmsg: Connection refused", "a bug", "send: Bad file descriptor"]);
    assertEquals(came, ["fails", "fails too", "last"]);
  },
);

testWith(
  ["Linux C library"],
  "receiveBatches() reports to stderr by default, and when onError throws",
  async () => {
    const program = (options: string) => `
    import * as posix from ${JSON.stringify(import.meta.resolve("../../posix.ts"))};
    const server = posix.socket(posix.AF_INET, posix.SOCK_DGRAM);
    posix.bind(server, { transport: "udp", hostname: "127.0.0.1", port: 0 });
    const client = posix.socket(posix.AF_INET, posix.SOCK_DGRAM);
    posix.sendto(client, new Uint8Array(1), posix.getsockname(server));
    const options = { signal: AbortSignal.abort(), ...${options} };
    await posix.receiveBatches(server, new posix.MessageBatch(4, 8), () => {
      throw new Error("a bug");
    }, options);`;
    const cases = {
      "{}": "a bug\n",
      "{ onError() { throw new Error('no log'); } }": "a bug\nonError: no log\n",
      "{ async onError() { throw new Error('no log'); } }": "a bug\nonError: no log\n",
      "{ onError() {} }": "",
    };
    await Promise.all(
      Object.entries(cases).map(async ([options, says]) => {
        const process = await runProgram(program(options), "--allow-all");
        assertEquals([process.code, process.stderr], [0, says], process.describe());
      }),
    );
  },
);

testWith(
  ["Linux C library"],
  "receiveBatches() drops datagrams from the socket's own address",
  async () => {
    using stack = new DisposableStack();
    const [client, server] = [udp(stack), udp(stack)];
    const own = server.socket;
    // Own datagrams at the beginning, in the middle and at the end of batches; and one that is all of a batch.
    const texts = [
      "own",
      "a",
      "own",
      "own",
      "own",
      "own",
      "own",
      "own",
      "b",
      "c",
      "own",
      "d",
      "last",
    ];
    for (const text of texts) {
      sendto(text === "own" ? own : client.socket, toBytes(text), server.addr);
    }
    const stop = new AbortController();
    const errors: string[] = [];
    const onError = (error: Error) => errors.push(error.message);
    const batch = new MessageBatch(4, 80);
    const came: string[] = [];
    await soon(receiveBatches(own, batch, (count) => {
      came.push(...textsOf(batch, count));
      for (let i = 0; i < count; i++) assertEquals(batch.from(i), client.addr);
      assertEquals(sendmmsg(own, batch, 0, count), count);
      if (came.includes("last")) stop.abort();
    }, { signal: stop.signal, onError }));
    assertEquals(came.toSorted(), ["a", "b", "c", "d", "last"]);
    const { port } = server.addr;
    const cause = "dropped, the source is port 0 or this socket (reported once)";
    assertEquals(errors, [`recvmmsg 127.0.0.1:${port}: ${cause}`]);
    const replies = came.map(() => {
      const reply = new Uint8Array(80);
      return toText(reply.subarray(0, recvfrom(client.socket, reply)?.size ?? 0));
    });
    assertEquals(replies, came);
  },
);

testWith(
  ["Linux C library", "raw sockets"],
  "receiveBatches() drops datagrams from port 0",
  async () => {
    using stack = new DisposableStack();
    const [client, server] = [udp(stack), udp(stack)];
    const program = `if True:
    import socket, struct, sys
    port = int(sys.argv[1])
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
    raw.sendto(struct.pack("!HHHH", 0, port, 8 + 5, 0) + b"forge", ("127.0.0.1", 0))`;
    await using python = startPython(program, `${server.addr.port}`);
    assertEquals(await python.exits(), 0, python.describe());
    sendto(client.socket, toBytes("honest"), server.addr);
    const stop = new AbortController();
    const errors: string[] = [];
    const onError = (error: Error) => errors.push(error.message);
    const came: string[] = [];
    await soon(record(server.socket, { signal: stop.signal, onError }, (text) => {
      came.push(text);
      stop.abort();
    }));
    assertEquals(came, ["honest"]);
    const cause = "dropped, the source is port 0 or this socket (reported once)";
    assertEquals(errors, [`recvmmsg 127.0.0.1:0: ${cause}`]);
  },
);

testWith(
  ["Linux C library"],
  "receiveBatches() ends in time although datagrams arrive without a pause",
  async () => {
    using stack = new DisposableStack();
    const [client, server] = [udp(stack), udp(stack)];
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 20);
    const elapsed = stopwatch();
    let count = 0;
    const send = () => void sendto(client.socket, toBytes(`${count++}`), server.addr);
    send();
    await soon(record(server.socket, { signal: stop.signal }, send));
    assert(count > 1 && elapsed() >= 5000, `${count} in ${elapsed()} ms: it receives for 5 s`);
  },
);

testWith(["Linux C library"], "receiveBatches() lets timers run during a flood", async () => {
  using stack = new DisposableStack();
  const server = udp(stack);
  const program = `
    const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    const to = { transport: "udp", hostname: "127.0.0.1", port: ${server.addr.port} };
    for (;;) await socket.send(new Uint8Array(1), to).catch(() => {});`;
  await using _flood = new Process(["eval", "--unstable-net", program], false);
  let [ticks, count] = [0, 0];
  const timer = setInterval(() => ticks++, 10);
  const loop = record(server.socket, {}, () => void count++);
  await waitFor(() => count > 1000, "the flood arrives");
  ticks = 0;
  await waitFor(() => ticks >= 20, "the timer fires");
  clearInterval(timer);
  server.socket.close();
  await soon(loop);
});

testWith(["Linux C library"], "receiveBatches() rejects other sockets", async (folder) => {
  using unix = posix.socket(posix.AF_UNIX, SOCK_DGRAM);
  posix.bind(unix, { transport: "unixpacket", path: `${folder}/socket` });
  await assertRejects(() => record(unix, {}, () => {}), TypeError, "recvmmsg: not a UDP socket");
});

testWith(["Linux C library"], "receiveBatches() rejects a socket that is not of UDP", async () => {
  for (
    const [family, type] of [[posix.AF_INET, posix.SOCK_STREAM], [posix.AF_UNIX, posix.SOCK_DGRAM]]
  ) {
    using socket = posix.socket(family ?? 0, type ?? 0);
    const batch = new posix.MessageBatch(1, 8);
    await assertRejects(
      () => posix.receiveBatches(socket, batch, () => {}),
      TypeError,
      "recvmmsg: not a UDP socket",
    );
  }
});
