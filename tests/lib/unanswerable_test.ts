import { assertEquals } from "@std/assert";
import { formatAddress } from "../../lib/address/format.ts";
import { isUnanswerable } from "../../lib/server/_unanswerable.ts";

const udp = (hostname: string, port: number): Deno.NetAddr => ({
  transport: "udp",
  hostname,
  port,
});

Deno.test("isUnanswerable() recognizes the own addresses of a socket", async () => {
  const cases: [from: Deno.NetAddr, own: Deno.NetAddr, expected: boolean][] = [
    [udp("127.0.0.1", 7), udp("127.0.0.1", 7), true],
    [udp("127.0.0.1", 8), udp("127.0.0.1", 7), false],
    [udp("127.0.0.2", 7), udp("127.0.0.1", 7), false], // the address of another socket
    [udp("127.0.0.2", 0), udp("127.0.0.1", 7), true],
    [udp("127.0.0.1", 7), udp("0.0.0.0", 7), true],
    [udp("127.3.2.1", 7), udp("0.0.0.0", 7), true],
    [udp("127.0.0.1", 8), udp("0.0.0.0", 7), false],
    [udp("::1", 7), udp("::", 7), true],
    [udp("::ffff:127.0.0.1", 7), udp("::", 7), true],
    [udp("127.0.0.1", 7), udp("::", 7), true],
    [udp("127.0.0.1", 8), udp("::", 7), false],
    [udp("::ffff:127.0.0.1", 7), udp("::ffff:127.0.0.1", 7), true],
    [udp("192.0.2.1", 7), udp("0.0.0.0", 7), false],
    [udp("2001:db8::1", 7), udp("::", 7), false],
    [udp("::ffff:192.0.2.1", 7), udp("::", 7), false],
    // Again, from the cache.
    [udp("192.0.2.1", 7), udp("0.0.0.0", 7), false],
  ];
  for (const { address, family } of Deno.networkInterfaces()) {
    if (family === "IPv4") cases.push([udp(address, 7), udp("0.0.0.0", 7), true]);
  }
  for (const [from, own, expected] of cases) {
    const where = `${formatAddress(from)} at ${formatAddress(own)}`;
    assertEquals(await isUnanswerable(from, { addr: own }), expected, where);
  }
});
