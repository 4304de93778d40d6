import { assert, assertEquals, assertInstanceOf, assertMatch, assertRejects } from "@std/assert";
import { once } from "node:events";
import {
  BufferedReader,
  type Connection,
  encodeLengthFrame,
  readLengthFrame,
  readN,
  writeN,
  writeText,
} from "../../mod.ts";
import * as posix from "../../posix.ts";
import { bytes, randomBytes } from "../support/bytes.ts";
import { runProgram } from "../support/program.ts";
import { testWith } from "../support/test_with.ts";

// toConnection() and toNodeSocket(): descriptors as connections of the main module and sockets of Node.

const { SOCK_STREAM, socketpair, toConnection, toNodeSocket } = posix;

/** Connects two descriptors. */
type Pair = () => Promise<[posix.Descriptor, posix.Descriptor]>;

const pairs: Record<string, Pair> = {
  "Unix": () => Promise.resolve(socketpair(SOCK_STREAM)),
  "TCP": async () => {
    using listener = posix.socket(posix.AF_INET, SOCK_STREAM);
    posix.bind(listener, { transport: "tcp", hostname: "127.0.0.1", port: 0 });
    posix.listen(listener, 5);
    const client = posix.socket(posix.AF_INET, SOCK_STREAM);
    posix.connect(client, posix.getsockname(listener));
    await posix.poll([{ descriptor: listener, events: posix.POLLIN }], 30_000);
    await posix.poll([{ descriptor: client, events: posix.POLLOUT }], 30_000);
    const accepted = posix.accept(listener);
    assert(accepted !== null);
    return [client, accepted.socket];
  },
};

/** Closes a socket so that its peer gets a reset. */
function reset(socket: posix.Descriptor): void {
  const linger = new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]);
  posix.setsockopt(socket, posix.SOL_SOCKET, posix.SO_LINGER, linger);
  socket.close();
}

for (const [kind, open] of Object.entries(pairs)) {
  /** Registers a test of two connections. */
  const test = (name: string, fn: (a: Connection, b: Connection) => Promise<void>) => {
    testWith(["Linux C library"], `toConnection() of a ${kind} socket: ${name}`, async () => {
      const [left, right] = await open();
      using a = toConnection(left);
      using b = toConnection(right);
      await fn(a, b);
    });
  };

  test("many MiB arrive at a slow reader, byte by byte, in both directions", async (a, b) => {
    const all = randomBytes(5_000_011, 3);
    const receive = async (conn: Connection, isSlow: boolean) => {
      const buffer = new Uint8Array(70_001);
      let at = 0;
      for (let turn = 0;; turn++) {
        const size = await conn.read(buffer);
        if (size === null) break;
        assertEquals(buffer.subarray(0, size), all.subarray(at, at + size));
        at += size;
        if (isSlow && turn % 8 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      }
      assertEquals(at, all.length);
    };
    const send = async (conn: Connection) => {
      await writeN(conn, all);
      await conn.closeWrite(); // the other direction stays open
    };
    await Promise.all([send(a), send(b), receive(a, true), receive(b, false)]);
  });

  test("`readN()`, `BufferedReader` and framing", async (a, b) => {
    const reading = readN(b, new Uint8Array(6)); // waits: the bytes arrive one by one
    for (const byte of bytes("123456")) await writeN(a, new Uint8Array([byte]));
    assertEquals(await reading, 6);
    await writeText(a, "one\ntwo\n");
    const reader = new BufferedReader(b);
    const lines = reader.lines();
    assertEquals((await lines.next()).value, "one");
    assertEquals((await lines.next()).value, "two");
    const frame = readLengthFrame(reader);
    await writeN(a, encodeLengthFrame(bytes("a frame")));
    assertEquals(await frame, bytes("a frame"));
    const half = readN(b, new Uint8Array(6));
    await writeN(a, bytes("123"));
    await a.closeWrite();
    assertEquals(await half, 3);
    assertEquals(await b.read(new Uint8Array(8)), null);
    assertEquals(await b.read(new Uint8Array(8)), null);
    await writeText(b, "the other direction is open");
    assertEquals(await a.read(new Uint8Array(80)), 27);
  });

  test("an empty buffer reads and writes nothing", async (a, b) => {
    assertEquals(await b.read(new Uint8Array()), 0); // nothing has arrived
    assertEquals(await a.write(new Uint8Array()), 0);
    await writeText(a, "x");
    assertEquals(await b.read(new Uint8Array()), 0);
    assertEquals(await b.read(new Uint8Array(8)), 1);
  });

  test("concurrent reads get each byte once, and concurrent writes arrive whole", async (a, b) => {
    const buffers = Array.from({ length: 5 }, () => new Uint8Array(1));
    const reads = buffers.map((buffer) => b.read(buffer));
    await new Promise((resolve) => setTimeout(resolve, 5));
    for (const byte of bytes("abcde")) await writeN(a, new Uint8Array([byte]));
    assertEquals(await Promise.all(reads), [1, 1, 1, 1, 1]);
    assertEquals(new Uint8Array(buffers.flatMap((each) => [...each])).toSorted(), bytes("abcde"));

    const size = 300_000; // more than the system's buffers hold of the first
    const texts = ["a", "b", "c", "d"].map((text) => bytes(text.repeat(size)));
    const writes = texts.map((text) => writeN(a, text));
    const all = new Uint8Array(4 * size);
    assertEquals(await readN(b, all), all.length);
    await Promise.all(writes);
    for (const [index, text] of texts.entries()) {
      assertEquals(all.subarray(index * size, (index + 1) * size), text);
    }
  });

  test("a read waits while a write waits, and the reverse", async (a, b) => {
    const much = new Uint8Array(8 << 20);
    const writing = writeN(a, much);
    const reading = a.read(new Uint8Array(8));
    await new Promise((resolve) => setTimeout(resolve, 5)); // both wait now
    await writeText(b, "hello");
    assertEquals(await reading, 5);
    assertEquals(await readN(b, new Uint8Array(much.length)), much.length);
    await writing;
  });

  test("`close()` ends a read and a write that wait", async (a) => {
    const reading = a.read(new Uint8Array(8));
    const writing = writeN(a, new Uint8Array(8 << 20));
    await new Promise((resolve) => setTimeout(resolve, 5));
    a.close();
    await assertRejects(() => reading, Deno.errors.Interrupted, "the connection was closed");
    await assertRejects(() => writing, Deno.errors.Interrupted, "the connection was closed");
    a.close();
    for (
      const call of [
        () => a.read(new Uint8Array(8)),
        () => a.write(bytes("x")),
        () => a.closeWrite(),
      ]
    ) {
      await assertRejects(call, Deno.errors.BadResource, ": Bad file descriptor");
    }
  });

  testWith(
    ["Linux C library"],
    `toConnection() of a ${kind} socket: the errors after a reset`,
    async () => {
      const [left, right] = await open();
      using conn = toConnection(left);
      const peer = "hostname" in conn.remoteAddr
        ? `127.0.0.1:${conn.remoteAddr.port}`
        : "(unnamed)";
      const reading = conn.read(new Uint8Array(8)).catch((error) => error);
      await new Promise((resolve) => setTimeout(resolve, 5));
      reset(right);
      const error = await reading;
      if (kind === "TCP") {
        assertInstanceOf(error, Deno.errors.ConnectionReset);
        assertEquals(error.message, `read ${peer}: Connection reset by peer`);
        assertEquals((error as posix.PosixError).code, "ECONNRESET");
      } else {
        assertEquals(error, null);
      }
      const broken = await conn.write(bytes("x")).catch((error) => error);
      assertInstanceOf(broken, Deno.errors.BrokenPipe);
      assertEquals(broken.message, `write ${peer}: Broken pipe`);
    },
  );

  testWith(
    ["Linux C library"],
    `toConnection() of a ${kind} socket: a reset ends a write that waits`,
    async () => {
      const [left, right] = await open();
      using conn = toConnection(left);
      const writing = writeN(conn, new Uint8Array(8 << 20)).catch((error) => error);
      await new Promise((resolve) => setTimeout(resolve, 5));
      reset(right);
      assertMatch((await writing).message, /^write .*: (Connection reset by peer|Broken pipe)$/);
    },
  );

  testWith(
    ["Linux C library"],
    `toNodeSocket() of a ${kind} socket: data in both directions, end and close`,
    async () => {
      const [left, right] = await open();
      const socket = await toNodeSocket(right);
      assertEquals(right.fd, -1);
      using conn = toConnection(left);
      const all = randomBytes(3_000_000, 5);
      const received: Uint8Array[] = [];
      socket.on("data", (data: Uint8Array) => received.push(data));
      const [ended, closed] = [once(socket, "end"), once(socket, "close")];
      socket.write(all);
      const back = new Uint8Array(all.length);
      await Promise.all([writeN(conn, all), readN(conn, back)]);
      assertEquals(back, all);
      await conn.closeWrite();
      await ended; // Node then ends its direction, too
      assertEquals(new Uint8Array(await new Blob(received as BlobPart[]).arrayBuffer()), all);
      assertEquals(await conn.read(back), null);
      await closed;
    },
  );
}

testWith(
  ["Linux C library"],
  "toNodeSocket() of a TCP socket: a reset is an error event",
  async () => {
    const [left, right] = await pairs.TCP?.() ?? [];
    assert(left !== undefined && right !== undefined);
    const socket = await toNodeSocket(right);
    const failed = once(socket, "error");
    socket.resume();
    reset(left);
    const [error] = await failed;
    assertEquals(error.code, "ECONNRESET");
    socket.destroy();
  },
);

testWith(
  ["Linux C library"],
  "a descriptor that is not a connected stream socket is rejected, and not closed",
  async () => {
    using unconnected = posix.socket(posix.AF_INET, SOCK_STREAM);
    assertEquals(
      await Promise.try(toConnection, unconnected).catch((error) => error.message),
      "getpeername: Transport endpoint is not connected",
    );
    assertEquals(posix.getsockopt(unconnected, posix.SOL_SOCKET, posix.SO_TYPE), SOCK_STREAM);

    using datagram = posix.socket(posix.AF_INET, posix.SOCK_DGRAM);
    using file = posix.open("/dev/null", posix.O_RDWR);
    const closed = posix.socket(posix.AF_INET, SOCK_STREAM);
    closed.close();
    await assertRejects(() => toNodeSocket(closed), Deno.errors.BadResource, "Bad file descriptor");
    for (const wrong of [datagram, file]) {
      await assertRejects(() => toNodeSocket(wrong), Error, "getpeername: ");
      assert(wrong.fd !== -1, "it is still open");
    }
  },
);

testWith(
  ["Linux C library"],
  "a connection keeps the process alive only while it waits",
  async () => {
    const program = (rest: string) => `
    import * as posix from ${JSON.stringify(import.meta.resolve("../../posix.ts"))};
    const [left, right] = posix.socketpair(posix.SOCK_STREAM).map(posix.toConnection);
    const buffer = new Uint8Array(8);
    ${rest}`;
    const alive = await runProgram(
      program("left.read(buffer).then(console.log); setTimeout(() => right.write(buffer), 50);"),
      "--allow-all",
    );
    assertEquals([alive.code, alive.stdout], [0, "8\n"], alive.describe());
    const idle = await runProgram(
      program("await right.write(buffer); await left.read(buffer); console.log('done');"),
      "--allow-all",
    );
    assertEquals([idle.code, idle.stdout], [0, "done\n"], idle.describe());
  },
);
