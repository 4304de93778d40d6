import { assertEquals, assertThrows } from "@std/assert";
import * as posix from "../../posix.ts";
import { testWith } from "../support/test_with.ts";

/** The errno EMSGSIZE. */
const EMSGSIZE = 90;

testWith(["Linux C library"], "extendedError() returns a local error, without an offender", () => {
  const address: Deno.NetAddr = { transport: "udp", hostname: "127.0.0.1", port: 9 };
  using socket = posix.socket(posix.AF_INET, posix.SOCK_DGRAM);
  posix.setsockopt(socket, posix.IPPROTO_IP, posix.IP_RECVERR, 1);
  posix.setsockopt(socket, posix.IPPROTO_IP, posix.IP_MTU_DISCOVER, posix.IP_PMTUDISC_DO);
  const error = assertThrows(() => posix.sendto(socket, new Uint8Array(65_508), address), Error);
  assertEquals("errno" in error && error.errno, EMSGSIZE);

  const message = new posix.Message([new Uint8Array(8)], { controlSize: 64 });
  posix.recvmsg(socket, message, posix.MSG_ERRQUEUE);
  const { errno, origin, offender } = posix.extendedError(message) ?? {};
  assertEquals([errno, origin, offender], [EMSGSIZE, posix.SO_EE_ORIGIN_LOCAL, undefined]);
});

for (
  const [hostname, level, option, expected] of [
    ["127.0.0.1", posix.IPPROTO_IP, posix.IP_RECVERR, [posix.SO_EE_ORIGIN_ICMP, 3, 3]],
    ["::1", posix.IPPROTO_IPV6, posix.IPV6_RECVERR, [posix.SO_EE_ORIGIN_ICMP6, 1, 4]],
  ] as const
) {
  const needs = hostname === "::1" ? ["IPv6"] as const : [];
  testWith(
    ["Linux C library", ...needs],
    `extendedError() returns the unreachable port and the offender ${hostname}`,
    async () => {
      const any: Deno.NetAddr = { transport: "udp", hostname, port: 0 };
      const deaf = posix.socket(posix.addressFamily(any), posix.SOCK_DGRAM);
      posix.bind(deaf, any);
      const address = posix.getsockname(deaf);
      deaf.close();
      using socket = posix.socket(posix.addressFamily(any), posix.SOCK_DGRAM);
      posix.setsockopt(socket, level, option, 1);
      posix.sendto(socket, new Uint8Array([1, 2, 3]), address);
      await posix.poll([{ descriptor: socket, events: 0 }], 30_000);

      const quoted = new Uint8Array(8);
      const message = new posix.Message([quoted], { controlSize: 64 });
      assertEquals(posix.recvmsg(socket, message, posix.MSG_ERRQUEUE), 3);
      assertEquals(quoted.subarray(0, 3), new Uint8Array([1, 2, 3]));
      assertEquals(message.from, address);
      const { origin, type, code, offender } = posix.extendedError(message) ?? {};
      assertEquals([origin, type, code], [...expected]);
      assertEquals(offender, { transport: "udp", hostname, port: 0 });
    },
  );
}

testWith(["Linux C library"], "extendedError() returns undefined for another message", () => {
  const [left, right] = posix.socketpair(posix.SOCK_DGRAM);
  using sender = left;
  using receiver = right;
  posix.send(sender, new Uint8Array(1));
  const message = new posix.Message([new Uint8Array(1)], { controlSize: 64 });
  posix.recvmsg(receiver, message);
  assertEquals(posix.extendedError(message), undefined);
});
