import { assertEquals, assertStrictEquals } from "@std/assert";
import { formatAddress, unmapAddress } from "../../lib/address/format.ts";
import { temporaryFolder } from "../../contract/process.ts";

Deno.test("formatAddress() formats addresses", () => {
  const cases: [Deno.Addr, string][] = [
    [{ transport: "tcp", hostname: "127.0.0.1", port: 7007 }, "127.0.0.1:7007"],
    [{ transport: "udp", hostname: "0.0.0.0", port: 0 }, "0.0.0.0:0"],
    [{ transport: "tcp", hostname: "::", port: 65535 }, "[::]:65535"],
    [{ transport: "udp", hostname: "2001:db8::1", port: 7 }, "[2001:db8::1]:7"],
    [{ transport: "tcp", hostname: "fe80::1%eth0", port: 7 }, "[fe80::1%eth0]:7"],
    [{ transport: "tcp", hostname: "::ffff:192.0.2.1", port: 7 }, "[::ffff:192.0.2.1]:7"],
    [{ transport: "tcp", hostname: "localhost", port: 7 }, "localhost:7"],
    [{ transport: "unix", path: "/tmp/echo:7" }, "/tmp/echo:7"],
    [{ transport: "unixpacket", path: "/tmp/echo" }, "/tmp/echo"],
    [{ transport: "unix", path: "" }, "(unnamed)"],
    [{ transport: "unix", path: "\0echo" }, "@echo"],
    [{ transport: "unixpacket", path: "\0" }, "@"],
    [{ transport: "unix", path: "\0a\0b" }, "@a@b"],
    [{ transport: "vsock", cid: 3, port: 7 }, "3:7"],
  ];
  for (const [address, text] of cases) {
    assertEquals(formatAddress(address), text, JSON.stringify(address));
  }
});

Deno.test("unmapAddress() returns the IPv4 address of an IPv4-mapped one", () => {
  const cases = {
    "::ffff:127.0.0.1": "127.0.0.1",
    "::ffff:0.0.0.0": "0.0.0.0",
    "::ffff:255.255.255.255": "255.255.255.255",
  };
  for (const [mapped, hostname] of Object.entries(cases)) {
    for (const transport of ["tcp", "udp"] as const) {
      const address: Deno.Addr = { transport, hostname: mapped, port: 7 };
      assertEquals(unmapAddress(address), { transport, hostname, port: 7 }, mapped);
      assertEquals(address, { transport, hostname: mapped, port: 7 }, `${mapped} has changed`);
    }
  }
});

Deno.test("unmapAddress() returns any other address unchanged", () => {
  const hostnames = [
    "127.0.0.1",
    "::1",
    "::",
    "::ffff:7f00:1",
    "::127.0.0.1",
    "64:ff9b::127.0.0.1",
    "1::ffff:1.2.3.4",
  ];
  const addresses: Deno.Addr[] = [
    ...hostnames.map((hostname) => ({ transport: "tcp" as const, hostname, port: 7 })),
    { transport: "unix", path: "::ffff:127.0.0.1" },
    { transport: "vsock", cid: 3, port: 7 },
  ];
  for (const address of addresses) {
    assertStrictEquals(unmapAddress(address), address, JSON.stringify(address));
  }
});

Deno.test("formatAddress() formats the addresses of Deno's sockets", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/socket`;
  using listener = Deno.listen({ transport: "unix", path });
  using client = await Deno.connect({ transport: "unix", path });
  using conn = await listener.accept();
  assertEquals(formatAddress(client.remoteAddr), path);
  assertEquals(formatAddress(conn.remoteAddr), "(unnamed)");
  using tcp = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  assertEquals(formatAddress(tcp.addr), `127.0.0.1:${tcp.addr.port}`);
});

Deno.test({
  name: "formatAddress() formats the abstract addresses of Deno's sockets",
  ignore: Deno.build.os !== "linux",
  fn() {
    const name = `deno-sockets-${crypto.randomUUID()}`;
    using listener = Deno.listen({ transport: "unix", path: `\0${name}` });
    assertEquals(formatAddress(listener.addr), `@${name}`);
  },
});
