/**
 * Tests that need IPv6, which containers and virtual machines often lack.
 *
 * @module
 */

const hasIpv6 = canBind("::1");

/** `Deno.test`, but where ::1 cannot be bound the test is ignored, and its name says why. */
export function testWithIpv6(name: string, fn: () => void | Promise<void>): void {
  Deno.test({ name: hasIpv6 ? name : `${name} (no IPv6)`, ignore: !hasIpv6, fn });
}

function canBind(hostname: string): boolean {
  try {
    Deno.listenDatagram({ transport: "udp", hostname, port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}
