import { assert, assertEquals, assertRejects } from "@std/assert";
import { TimeoutReader } from "../../lib/io/timeout.ts";
import { BufferedReader } from "../../lib/io/buffered_reader.ts";
import { readN, writeN } from "../../lib/io/read_write.ts";
import { bytes, randomBytes } from "../support/bytes.ts";
import {
  concurrent,
  concurrentOnIpv6,
  iterative,
  lines,
  prefork,
  unix,
} from "../support/servers.ts";
import { exchange, readAll, receive } from "../support/streams.ts";
import { Server } from "../support/server.ts";
import { isHere } from "../../contract/requirements.ts";

// One suite for every echo server, whatever its transport and however it accepts, after Go's nettest.
// All that is sent ends with a newline or with the stream: one of the servers echoes lines.

const MEGABYTES = 10;

/** Where two sequences of bytes begin to differ; -1 if they do not. */
function differAt(a: Uint8Array, b: Uint8Array): number {
  const at = a.findIndex((byte, index) => byte !== b[index]);
  return at === -1 && a.length !== b.length ? a.length : at;
}

const checks: Record<string, (server: Server) => Promise<void>> = {
  async "messages come back one by one, each before the next is sent"(server) {
    using conn = await server.connect();
    for (let i = 0; i < 300; i++) await exchange(conn, `${i} ${"x".repeat(i)}\n`);
  },

  async "messages in flight come back in order"(server) {
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

  async [`${MEGABYTES} MB of random bytes come back whole while more are sent`](server) {
    using conn = await server.connect();
    const sent = randomBytes(MEGABYTES * 1e6, MEGABYTES);
    const send = () => writeN(conn, sent).then(() => conn.closeWrite());
    const receiveLate = async () => {
      // Nobody receives at first, so the sockets fill up, and writes are cut short.
      await new Promise((resolve) => setTimeout(resolve, 200));
      return await readAll(conn);
    };
    const [received] = await Promise.all([receiveLate(), send()]);
    assertEquals(received.length, sent.length, "bytes that came back");
    assertEquals(differAt(received, sent), -1, "the byte that differs");
  },

  async "what was sent before a half-close comes back after it"(server) {
    using conn = await server.connect();
    // As much as the sockets hold when nobody receives, in one line that has no end.
    const sent = new Uint8Array(60_000).fill(0x78);
    await writeN(conn, sent);
    await conn.closeWrite();
    const received = await readAll(conn);
    assertEquals(received.length, sent.length, "bytes that came back");
    assertEquals(differAt(received, sent), -1, "the byte that differs");
  },

  async "100 clients each get what is theirs"(server) {
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
      // None leaves before all have been served, the last to come first.
      const conns = await Promise.all(Array.from({ length: count }, () => server.connect()));
      for (const [i, conn] of [...conns.entries()].toReversed()) await exchange(conn, `${i}\n`);
      await Promise.all(conns.map(talk));
      for (const conn of conns) conn.close();
    }
  },

  async "a connection without a byte ends, and the next is served"(server) {
    (await server.connect()).close();
    using empty = await server.connect();
    await empty.closeWrite();
    assertEquals(await readAll(empty), new Uint8Array());
    using next = await server.connect();
    await exchange(next, "next\n");
  },

  async "bytes that are sent one by one come back"(server) {
    using conn = await server.connect();
    const text = `${"one by one, ".repeat(40)}\n`;
    for (const byte of bytes(text)) await writeN(conn, new Uint8Array([byte]));
    await receive(conn, text);
    for (const char of "and\neach\non\nits\nown\n".split(/(?<=\n)/)) await exchange(conn, char);
  },

  async "a read expires while nothing comes, and a later one gets what came meanwhile"(server) {
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

for (const subject of [iterative, lines, concurrent, concurrentOnIpv6, prefork, unix]) {
  for (const [name, check] of Object.entries(checks)) {
    const missing = subject === concurrentOnIpv6 && !isHere("IPv6");
    Deno.test({
      name: `${subject.name}: ${name}${missing ? " (no IPv6)" : ""}`,
      ignore: missing,
      async fn() {
        await using server = await Server.start(subject, subject.quiet);
        await check(server);
        await server.assertEnds();
        const complaints = server.process.stderr.replace(/^listening on .*\n/, "");
        assert(complaints === "", `${subject.name} complains: ${complaints}`);
      },
    });
  }
}
