import { assertEquals } from "@std/assert";
import { getAddrInfo } from "../../lib/address/addrinfo.ts";
import { Process } from "../../contract/process.ts";

const path = "clients/resolve.ts";

/** Its exit status and output for the arguments. */
async function resolve(args: string[], ...flags: string[]): Promise<[code: number, text: string]> {
  await using process = new Process(["run", "--no-prompt", ...flags, path, ...args], false);
  const code = await process.exits();
  return [code, process.stdout + process.stderr];
}

Deno.test(`${path} prints each address of a name once`, async () => {
  const [code, text] = await resolve(["localhost", "ssh"], "--allow-net=localhost");
  const lines = text.trimEnd().split("\n");
  assertEquals([code, lines.pop()], [0, "port: 22/tcp (ssh)"], text);
  const found = await getAddrInfo("localhost", "ssh");
  assertEquals(lines, [...new Set(found.map(({ hostname }) => hostname))]);
  for (const line of lines) assertEquals(/^(127\.\d+\.\d+\.\d+|::1)$/.test(line), true, text);
});

Deno.test(`${path} prints the port of a service for each of its transports`, async () => {
  const cases = {
    http: "port: 80/tcp (http)\n",
    www: "port: 80/tcp (http)\n",
    tftp: "port: 69/udp (tftp)\n",
    domain: "port: 53/tcp (domain)\nport: 53/udp (domain)\n",
    7: "port: 7/tcp (echo)\nport: 7/udp (echo)\n",
    65535: "port: 65535/tcp (65535)\nport: 65535/udp (65535)\n",
  };
  for (const [service, ports] of Object.entries(cases)) {
    const args = ["localhost", service, "--family", "4"];
    const [, text] = await resolve(args, "--allow-net=localhost");
    assertEquals(text, `127.0.0.1\n${ports}`, service);
  }
});

Deno.test(`${path} prints the name of an address, and the address in its canonical form`, async () => {
  const [code, text] = await resolve(["0:0::0:1", "22"], "--allow-net=[::1]:22");
  const [address, name, ...ports] = text.trimEnd().split("\n");
  assertEquals([code, address], [0, "::1"], text);
  assertEquals(/^name: \S+$/.test(name ?? ""), true, text);
  assertEquals(ports[0], "port: 22/tcp (ssh)");
});

Deno.test(`${path} prints no partial result`, async () => {
  const cases: [string[], string][] = [
    [
      ["127.0.0.1", "80"],
      "getnameinfo 127.0.0.1:80: permission not granted, requires --allow-net=127.0.0.1:80\n",
    ],
    [
      ["::1", "80", "--family", "4"],
      "getaddrinfo ::1: Address family for hostname not supported\n",
    ],
    [
      ["127.0.0.1", "80", "--family", "6"],
      "getaddrinfo 127.0.0.1: Address family for hostname not supported\n",
    ],
  ];
  for (const [args, text] of cases) assertEquals(await resolve(args), [1, text], `${args}`);
});
