import { assert, assertEquals, assertRejects } from "@std/assert";
import { TimeoutReader } from "../../lib/io/timeout.ts";
import { BufferedReader } from "../../lib/io/buffered_reader.ts";
import { readN, writeN } from "../../lib/io/read_write.ts";
import { bytes, randomBytes } from "../support/bytes.ts";
import {
  concurrentOnIpv6,
  epollOnIpv6,
  iterative,
  lines,
  needsOf,
  polling,
  reliable,
  selecting,
} from "../support/servers.ts";
import { exchange, readAll, receive } from "../support/streams.ts";
import { Server } from "../support/server.ts";
import { testWith } from "../support/test_with.ts";

// One suite for every echo server, after Go's nettest. All data ends with a newline or with EOF: one of the
// servers echoes lines.

const MEGABYTES = 10;

/** The index of the first difference, or -1. */
function differAt(a: Uint8Array, b: Uint8Array): number {
  const at = a.findIndex((byte, index) => byte !== b[index]);
  return at === -1 && a.length !== b.length ? a.length : at;
}

const checks: Record<string, (server: Server) => Promise<void>> = {
  async "messages are echoed one by one"(server) {
    using conn = await server.connect();
    for (let i = 0; i < 300; i++) await exchange(conn, `${i} ${"x".repeat(i)}\n`);
  },

  async "pipelined messages are echoed in order"(server) {
    using conn = await server.connect();
    const reader = new BufferedReader(conn);
    const message = (i: number) => `message ${i} ${"x".repeat(i % 100)}\n`;
    const count = 5000;
    const send = async () => {
      for (let i = 0; i < count; i++) await writeN(conn, bytes(message(i)));
    };
    const compare = async () => {
      for (let i = 0; i < count; i++) {
        const line = await reader.readLine();
        assertEquals(line && new TextDecoder().decode(line), message(i));
      }
    };
    await Promise.all([send(), compare()]);
  },

  async [`${MEGABYTES} MB of random bytes are echoed while more are sent`](server) {
    using conn = await server.connect();
    const sent = randomBytes(MEGABYTES * 1e6, MEGABYTES);
    const send = () => writeN(conn, sent).then(() => conn.closeWrite());
    const receiveLate = async () => {
      // Without a receive at first, the buffers fill, and writes are short.
      await new Promise((resolve) => setTimeout(resolve, 200));
      return await readAll(conn);
    };
    const [received] = await Promise.all([receiveLate(), send()]);
    assertEquals(received.length, sent.length, "number of bytes");
    assertEquals(differAt(received, sent), -1, "index of the first difference");
  },

  async "data sent before a half-close is echoed after it"(server) {
    using conn = await server.connect();
    // As much as the buffers hold without a receive, in one unterminated line.
    const sent = new Uint8Array(60_000).fill(0x78);
    await writeN(conn, sent);
    await conn.closeWrite();
    const received = await readAll(conn);
    assertEquals(received.length, sent.length, "number of bytes");
    assertEquals(differAt(received, sent), -1, "index of the first difference");
  },

  async "100 clients each receive their own data"(server) {
    const count = 100;
    const talk = async (conn: Deno.Conn, i: number) => {
      for (let round = 0; round < 5; round++) await exchange(conn, `client ${i} round ${round}\n`);
    };
    if (server.subject.isIterative) {
      for (let i = 0; i < count; i++) {
        using conn = await server.connect();
        await talk(conn, i);
      }
    } else {
      // All are open at the same time; the last is served first.
      const conns = await Promise.all(Array.from({ length: count }, () => server.connect()));
      for (const [i, conn] of [...conns.entries()].toReversed()) await exchange(conn, `${i}\n`);
      await Promise.all(conns.map(talk));
      for (const conn of conns) conn.close();
    }
  },

  async "after a connection without data the next is served"(server) {
    (await server.connect()).close();
    using empty = await server.connect();
    await empty.closeWrite();
    assertEquals(await readAll(empty), new Uint8Array());
    using next = await server.connect();
    await exchange(next, "next\n");
  },

  async "bytes sent one by one are echoed"(server) {
    using conn = await server.connect();
    const text = `${"one by one, ".repeat(40)}\n`;
    for (const byte of bytes(text)) await writeN(conn, new Uint8Array([byte]));
    await receive(conn, text);
    for (const char of "and\neach\non\nits\nown\n".split(/(?<=\n)/)) await exchange(conn, char);
  },

  async "a read times out, and a later one returns the data that arrived meanwhile"(server) {
    using conn = await server.connect();
    const reader = new TimeoutReader(conn, 0);
    const reply = new Uint8Array(80);
    for (const text of ["late\n", "and later\n"]) {
      reader.timeout = 20;
      await assertRejects(() => reader.read(reply), Deno.errors.TimedOut, "timed out");
      await writeN(conn, bytes(text));
      reader.timeout = 60_000;
      const wanted = reply.subarray(0, text.length);
      assertEquals(await readN(reader, wanted), text.length, text);
      assertEquals(new TextDecoder().decode(wanted), text);
    }
  },
};

const echoes = [
  ...reliable,
  concurrentOnIpv6,
  epollOnIpv6,
  iterative,
  lines,
  selecting,
  polling,
];

for (const subject of echoes) {
  for (const [name, check] of Object.entries(checks)) {
    testWith(needsOf(subject), `${subject.name}: ${name}`, async () => {
      await using server = await Server.start(subject, subject.quiet);
      await check(server);
      await server.assertEnds();
      const complaints = server.process.stderr.replace(/^listening on .*\n/, "");
      assert(complaints === "", `${subject.name} reports: ${complaints}`);
    });
  }
}
