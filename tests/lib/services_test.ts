import { assertEquals, assertRejects } from "@std/assert";
import table from "../../lib/address/services.json" with { type: "json" };
import { getServByName, getServByPort, parsePort } from "../../lib/address/services.ts";
import { runProgram } from "../support/program.ts";
import { python3 } from "../support/python.ts";

const hostileNames = [
  "",
  " ",
  " 80",
  "80 ",
  "80\n",
  "+80",
  "-80",
  "-1",
  "0x50",
  "80.0",
  "80,",
  "8_0",
  "80n",
  "1e3",
  "NaN",
  "Infinity",
  "\0",
  "80\0",
  "\u0668\u0660",
  "\uff18\uff10",
  "HTTP",
  "Http",
  " http",
  "http ",
  "http\n",
  "http\0",
  "htt",
  "httpxy",
  "http/tcp",
  "#",
  "tcp",
  "date",
  "nosuch",
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "length",
];

Deno.test("getServByName() finds names and aliases, by protocol", async () => {
  const cases = [
    ["echo", "tcp", 7],
    ["echo", "udp", 7],
    ["http", "tcp", 80],
    ["www", "tcp", 80],
    ["http", "udp", null],
    ["domain", "udp", 53],
    ["tftp", "tcp", null],
    ["x11", "tcp", 6000],
    ["Clearcase", "udp", 371],
    ["clearcase", "udp", 371],
    ["z3950", "tcp", 210],
  ] as const;
  for (const [service, protocol, port] of cases) {
    assertEquals(await getServByName(service, protocol), port, `${service}, ${protocol}`);
  }
});

Deno.test("getServByName() without a protocol prefers tcp to udp", async () => {
  assertEquals(await getServByName("https"), 443);
  assertEquals(await getServByName("tftp"), 69);
  // The alias of 104/tcp precedes dicom's own line, 11112/tcp.
  assertEquals(await getServByName("dicom"), 104);
});

Deno.test("getServByName() returns null for an unknown name", async () => {
  for (const service of [...hostileNames, "80", "0"]) {
    for (const protocol of [undefined, "tcp", "udp"] as const) {
      assertEquals(await getServByName(service, protocol), null, JSON.stringify(service));
    }
  }
});

Deno.test("getServByName() finds names that IANA has assigned and Debian does not have", async () => {
  assertEquals(await getServByName("mqtt"), 1883);
  assertEquals(await getServByName("bacnet", "udp"), 47808);
  assertEquals(await getServByName("docker"), 2375);
  // IANA has assigned 22/udp as well; in Debian ssh is over tcp only.
  assertEquals(await getServByName("ssh", "udp"), null);
});

Deno.test("getServByPort() finds a service's first name, by protocol", async () => {
  const cases = [
    [7, "tcp", "echo"],
    [7, "udp", "echo"],
    [80, "tcp", "http"],
    [69, "tcp", null],
    [69, "udp", "tftp"],
    [514, "tcp", "shell"],
    [514, "udp", "syslog"],
    [104, "tcp", "acr-nema"],
    [11112, "tcp", "dicom"], // also an alias of 104/tcp
    [80, "udp", null], // in Debian http is over tcp only; IANA has another name
    [1883, "tcp", "mqtt"], // only in IANA's registry
    [0, "tcp", null],
    [65535, "udp", null],
    [-1, "tcp", null],
    [NaN, "tcp", null],
  ] as const;
  for (const [port, protocol, service] of cases) {
    assertEquals(await getServByPort(port, protocol), service, `${port}, ${protocol}`);
  }
});

Deno.test("parsePort() accepts decimal digits from 0 to 65535", async () => {
  for (const port of [0, 1, 7, 80, 1023, 1024, 7007, 9999, 10000, 65534, 65535]) {
    assertEquals(await parsePort(`${port}`), port);
    assertEquals(await parsePort(`${port}`, "udp"), port);
  }
  for (
    const [service, port] of [["00", 0], ["007", 7], ["0080", 80], ["000065535", 65535]] as const
  ) {
    assertEquals(await parsePort(service), port, service);
  }
});

Deno.test("parsePort() accepts a service name", async () => {
  assertEquals(await parsePort("http"), 80);
  assertEquals(await parsePort("www", "tcp"), 80);
  assertEquals(await parsePort("syslog", "udp"), 514);
});

Deno.test("parsePort() rejects a number over 65535; the error names it", async () => {
  for (const bad of ["65536", "70000", "065536", "99999", "4294967376", "18446744073709551696"]) {
    const message = `port ${bad} is not from 0 to 65535`;
    await assertRejects(() => parsePort(bad), RangeError, message);
    await assertRejects(() => parsePort(bad, "udp"), RangeError, message);
  }
  await assertRejects(() => parsePort("9".repeat(1_000_000)), RangeError, "is not from 0 to 65535");
});

Deno.test("parsePort() rejects an invalid port; the error names it", async () => {
  for (const bad of hostileNames) {
    const message = `unknown service ${JSON.stringify(bad)}`;
    await assertRejects(() => parsePort(bad), RangeError, message);
    await assertRejects(() => parsePort(bad, "tcp"), RangeError, `${message} for tcp`);
  }
  await assertRejects(() => parsePort("ssh", "udp"), RangeError, 'unknown service "ssh" for udp');
});

const made = await python3<typeof table>(`${import.meta.dirname}/../support/data/make_services.py`);
const onSystem = made?.services ?? [];
const sameTable = onSystem.length > 0 &&
  onSystem.every((line, index) => line === table.services[index]);
Deno.test({
  name: "getServByName(), getServByPort() and parsePort() agree with the C library" +
    (sameTable ? "" : ` (ignored: no python3, or not ${table.source})`),
  ignore: !sameTable,
  async fn() {
    const lines = onSystem.map((line) => line.split(" "));
    const names = [...new Set(lines.flatMap(([name = "", , ...aliases]) => [name, ...aliases]))];
    const ports = [...new Set(lines.map(([, port = ""]) => parseInt(port)))];
    const script = `
import json, socket, sys

def ask(call, *args):
    try:
        return call(*args)
    except OSError:
        return None

def port(service, socktype):
    return socket.getaddrinfo(None, service, socket.AF_INET, socktype)[0][4][1]

services, ports = json.loads(sys.argv[1])
print(json.dumps([[[
    ask(socket.getservbyname, s),
    ask(socket.getservbyname, s, "tcp"),
    ask(socket.getservbyname, s, "udp"),
    ask(port, s, socket.SOCK_STREAM),
    ask(port, s, socket.SOCK_DGRAM),
] for s in services], [[
    ask(socket.getservbyport, p, "tcp"),
    ask(socket.getservbyport, p, "udp"),
] for p in ports]]))
`;
    const services = [...names, "0", "007", "0080", "7007", "65535", "0x50", "80.0", "1e3", "80 "];
    const questions = JSON.stringify([services, ports]);
    type Answers = [byService: (number | null)[][], byPort: (string | null)[][]];
    const [byService = [], byPort = []] = await python3<Answers>("-c", script, questions) ?? [];
    for (const [i, service] of services.entries()) {
      const found = [
        await getServByName(service),
        await getServByName(service, "tcp"),
        await getServByName(service, "udp"),
        await parsePort(service, "tcp").catch(() => null),
        await parsePort(service, "udp").catch(() => null),
      ];
      assertEquals(found, byService[i], JSON.stringify(service));
    }
    for (const [i, port] of ports.entries()) {
      const found = [await getServByPort(port, "tcp"), await getServByPort(port, "udp")];
      assertEquals(found, byPort[i], `${port}`);
    }
  },
});

Deno.test("/etc/services is read only if that is already permitted", async () => {
  const module = JSON.stringify(import.meta.resolve("../../lib/address/services.ts"));
  const program = `
    import { getServByName } from ${module};
    let reads = 0;
    const { readTextFile } = Deno;
    Deno.readTextFile = (path) => (reads++, readTextFile(path));
    await getServByName("nosuchservice");
    console.log(reads);`;
  for (const [flag, reads] of [["--allow-net", 0], ["--allow-read=/etc/services", 1]]) {
    const { stdout, stderr } = await runProgram(program, `${flag}`);
    assertEquals([stdout, stderr], [`${reads}\n`, ""], `${flag}`);
  }
});
