import { assertEquals } from "@std/assert";
import { exchange } from "../support/streams.ts";
import { flood, receiveFlood } from "../support/peers.ts";
import { testWith } from "../support/test_with.ts";
import { type Process, startSample } from "../../contract/process.ts";

const path = "servers/tcp_echo_two_stacks.ts";
const hosts = ["127.0.0.1", "::1"];

/** Starts the server; returns it and a function that connects a client of a stack. */
async function start(): Promise<
  { server: Process; connect: (host: string) => Promise<Deno.TcpConn> }
> {
  const grants = { "127.0.0.1:7007": "127.0.0.1", "[::1]:7007": "[::1]:0" };
  const server = startSample(path, ["0"], grants);
  const [, port] = await server.prints(/^listening on \[::1\]:(\d+)\nlistening on 127.0.0.1:\1\n/);
  return { server, connect: (hostname) => Deno.connect({ hostname, port: Number(port) }) };
}

const name = ({ localAddr: { hostname, port } }: Deno.TcpConn) => `${hostname}:${port}`;

testWith(
  ["IPv6"],
  `${path} serves both stacks concurrently, and on each one client at a time`,
  async () => {
    const { server, connect } = await start();
    await using _server = server;
    for (const [idle = "", busy = ""] of [hosts, hosts.toReversed()]) {
      const before = server.stdout;
      using first = await connect(idle);
      await exchange(first, "first\n");
      using next = await connect(idle);
      const waiting = exchange(next, "next\n");
      using other = await connect(busy);
      for (let n = 0; n < 50; n++) await exchange(other, "other\n"); // a concurrent server would serve the next by now
      first.close();
      await waiting;
      await server.assertPrints(
        `${before}Connection from ${name(first)}\n\tMessage: first\nConnection from ${
          name(other)
        }\n` +
          "\tMessage: other\n".repeat(50) +
          `Connection from ${name(next)}\n\tMessage: next\n`,
      );
    }
  },
);

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  testWith(["IPv6"], `${path} drains both stacks on ${signal}`, async () => {
    const { server, connect } = await start();
    await using _server = server;
    const clients = await Promise.all(hosts.map(connect));
    for (const client of clients) await exchange(client, "hello\n");
    const sent = await Promise.all(clients.map((client) => flood(client, 500_000)));
    server.kill(signal);
    const received = await Promise.all(clients.map(receiveFlood));
    assertEquals(received, sent);
    assertEquals(await server.exits(), 0, server.describe().slice(0, 300));
  });
}

testWith(["IPv6"], `${path} ends when one of its addresses is in use`, async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  await using server = startSample(path, [`${port}`], { 7007: `${port}` });
  assertEquals(await server.exits(), 1, server.describe());
  assertEquals(server.stderr, `bind 127.0.0.1:${port}: Address already in use\n`);
});
