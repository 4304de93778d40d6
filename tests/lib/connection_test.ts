import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { temporaryFolder } from "../../contract/process.ts";
import { Connection } from "../../lib/socket/connection.ts";
import { openClient, openListener } from "../../lib/socket/tcp.ts";
import { openUnixClient, openUnixListener } from "../../lib/socket/unix.ts";
import { runProgram, startProgram } from "../support/program.ts";
import { testWith } from "../support/test_with.ts";

/** The timers of the socket with a local port, as ss(8) prints them. */
async function timersOf(port: number): Promise<string> {
  const args = ["-Htno", `sport = :${port}`];
  const { stdout } = await new Deno.Command("ss", { args }).output();
  return new TextDecoder().decode(stdout);
}

testWith(["ss"], "Connection.setKeepAlive() turns the probes on and off", async () => {
  using listener = await openListener(0);
  using client = await openClient("127.0.0.1", listener.addr.port);
  using _conn = await listener.accept();
  const { port } = client.localAddr;
  assert(!(await timersOf(port)).includes("keepalive"), "before");
  client.setKeepAlive();
  assertMatch(await timersOf(port), /timer:\(keepalive,/, "setKeepAlive()");
  client.setKeepAlive(false);
  assert(!(await timersOf(port)).includes("keepalive"), "setKeepAlive(false)");
  client.setKeepAlive(true);
  assertMatch(await timersOf(port), /timer:\(keepalive,/, "setKeepAlive(true)");
});

Deno.test("Connection.setKeepAlive() has no effect on a Unix socket", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/socket`;
  using listener = await openUnixListener(path);
  using client = await openUnixClient(path);
  using conn = new Connection(await listener.accept());
  client.setKeepAlive();
  conn.setKeepAlive(false);
  await conn.write(new Uint8Array([7]));
  assertEquals(await client.read(new Uint8Array(8)), 1);
});

Deno.test("Connection.setKeepAlive() fails on a closed connection", async () => {
  using listener = await openListener(0);
  const client = await openClient("127.0.0.1", listener.addr.port);
  client.close();
  await assertRejects(async () => await client.setKeepAlive(), Deno.errors.BadResource);
});

/** A program that reads from a server that sends nothing; `calls` come before or after the read. */
const reads = (port: number, before: string, after: string) => `
  import { openClient } from "${import.meta.resolve("../../mod.ts")}";
  const conn = await openClient("127.0.0.1", ${port});
  ${before}
  conn.read(new Uint8Array(8)).then((count) => console.log("read", count));
  ${after}
  console.log("pending");`;

Deno.test("Connection.unref() lets the process end while a read is pending", async () => {
  using listener = await openListener(0);
  const { port } = listener.addr;
  const programs = [["conn.unref();", ""], ["", "conn.unref();"], ["conn.ref();", "conn.unref();"]];
  await Promise.all(programs.map(async ([before = "", after = ""]) => {
    const process = await runProgram(reads(port, before, after), "--allow-net");
    const { code, stdout, stderr } = process;
    assertEquals([code, stdout, stderr], [0, "pending\n", ""], `${before} read() ${after}`);
  }));
});

Deno.test("Connection.ref() keeps the process alive again, until the read has ended", async () => {
  using listener = await openListener(0);
  const program = reads(listener.addr.port, "conn.unref();", "conn.ref();");
  await using process = startProgram(program);
  const conn = await listener.accept();
  await process.prints(/pending/);
  await conn.write(new Uint8Array(3));
  assertEquals(await process.exits(), 0, process.describe());
  assertEquals(process.stdout, "pending\nread 3\n");
  conn.close();
});
