import { freePort } from "../../contract/ports.ts";
import { startSample } from "../../contract/process.ts";
import { assertEnds } from "../support/end.ts";
import { PythonSocket } from "../support/python_socket.ts";
import { testWith } from "../support/test_with.ts";

const path = "posix/udp_connected.ts";

/** What the sample prints of a reply of ASCII characters. */
function printed(reply: string): string {
  const chars = [...reply].map((char) => `0x${char.charCodeAt(0).toString(16)} ('${char}') `);
  return `received ${reply.length} bytes:\n${chars.join("")}\n`;
}

/** Receives the sample's message; returns the address from which it came, as Python writes it. */
async function clientOf(peer: PythonSocket): Promise<string> {
  const message = await peer.eval("s.recvfrom(99)");
  const [, address] = /^\(b'hello', (\(.*\))\)$/.exec(message) ?? [];
  if (address === undefined) throw new Error(`the peer received ${message}`);
  return address;
}

for (const [family, host] of [["AF_INET", "127.0.0.1"], ["AF_INET6", "::1"]] as const) {
  testWith(
    ["Linux C library", "python3", "IPv6"],
    `${path} prints the reply of its peer ${host}, and receives nothing from others`,
    async () => {
      for (const reply of ["hello", "", "two\nlines", "x".repeat(2501)]) {
        await using peer = new PythonSocket(family);
        await using intruder = new PythonSocket(family);
        const port = await peer.bind(host);
        await using client = startSample(path, [host, `${port}`, "--timeout=30"]);
        const own = await clientOf(peer);
        for (const text of ["false", "hello"]) await intruder.eval(`s.sendto(b"${text}", ${own})`);
        await peer.eval(`s.sendto(${JSON.stringify(reply)}.encode(), ${own})`);
        const address = family === "AF_INET" ? `${host}:${port}` : `[${host}]:${port}`;
        const cut = reply.length > 2500 ? `${address}: message truncated to 2500 bytes\n` : "";
        await assertEnds(client, 0, printed(reply.slice(0, 2500)), cut);
      }
    },
  );

  testWith(
    ["Linux C library", "IPv6"],
    `${path} fails with ECONNREFUSED if no server is at ${host}`,
    async () => {
      await using client = startSample(path, [host, `${freePort()}`, "--timeout=30"]);
      await assertEnds(client, 1, "", "recv: Connection refused\n");
    },
  );
}

testWith(
  ["Linux C library", "python3"],
  `${path} times out if its peer does not reply, though another socket sends`,
  async () => {
    await using peer = new PythonSocket("AF_INET");
    await using intruder = new PythonSocket("AF_INET");
    const port = await peer.bind("127.0.0.1");
    await using client = startSample(path, ["127.0.0.1", `${port}`, "--timeout=0.5"]);
    const own = await clientOf(peer);
    await intruder.eval(`s.sendto(b"hello", ${own})`);
    await assertEnds(client, 1, "", `recv 127.0.0.1:${port}: timed out after 0.5 s\n`);
  },
);

testWith(["Linux C library"], `${path} reports an address that connect rejects`, async () => {
  await using client = startSample(path, ["127.255.255.255", "7"]);
  await assertEnds(client, 1, "", "connect 127.255.255.255:7: Permission denied\n");
});
