import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { getAddrInfo } from "../../lib/address/addrinfo.ts";
import { AddrInfoError } from "../../lib/address/addrinfo_error.ts";
import { isHere } from "../../contract/requirements.ts";
import { evaluate } from "../support/program.ts";
import { testWith } from "../support/test_with.ts";

type Query = [
  node: string | null,
  service: string | null,
  family: 0 | 4 | 6,
  socktype: "" | "stream" | "dgram",
  flags: "" | "passive",
];

/** Queries, glibc's results, and ours where they differ. Interface 1 is `lo`; services are Debian's. */
const known: [...Query, glibc: string, ours?: string][] = JSON.parse(
  Deno.readTextFileSync(`${import.meta.dirname}/../support/data/addrinfo.json`),
);

/** The result of getAddrInfo(), in the format of data/addrinfo.c. */
async function ask([node, service, family, socktype, flags]: Query): Promise<string> {
  try {
    const found = await getAddrInfo(node, service, {
      ...family !== 0 && { family },
      ...socktype !== "" && { socktype },
      passive: flags === "passive",
    });
    return found.map(({ transport, hostname, port }) => `${transport} ${hostname} ${port}`)
      .join(", ");
  } catch (error) {
    if (!(error instanceof AddrInfoError)) throw error;
    return withNameServers(error.code);
  }
}

/** Compiles data/addrinfo.c; returns the program. */
async function compile(folder: string): Promise<string> {
  const program = `${folder}/addrinfo`;
  const source = `${import.meta.dirname}/../support/data/addrinfo.c`;
  const compiler = await new Deno.Command("gcc", { args: ["-o", program, source] }).output();
  assert(compiler.success, new TextDecoder().decode(compiler.stderr));
  return program;
}

/** The results of getaddrinfo(3) on this machine. */
async function askC(queries: Query[], program: string): Promise<string[]> {
  const argument = (text: string | null) => text === null ? "-" : `=${text}`;
  const args = queries.flatMap(([node, service, family, ...rest]) => [
    argument(node),
    argument(service),
    `${family}`,
    ...rest,
  ]);
  // Without a reachable name server, glibc waits 5 s by default.
  const env = { RES_OPTIONS: "timeout:1 attempts:1" };
  const { stdout } = await new Deno.Command(program, { args, env }).output();
  return new TextDecoder().decode(stdout).trimEnd().split("\n").map(withNameServers);
}

/** A result as if name servers were reachable: of the names here only localhost exists. */
function withNameServers(answer: string): string {
  return answer === "EAI_AGAIN" ? "EAI_NONAME" : answer;
}

Deno.test("getAddrInfo() returns what glibc returns, except for documented differences", async () => {
  for (const [node, service, family, socktype, flags, glibc, ours] of known) {
    const query: Query = [node, service, family, socktype, flags];
    assertEquals(await ask(query), ours ?? glibc, JSON.stringify(query));
  }
});

/** Whether a result depends on /etc/services. */
const isNamed = ([, service]: readonly [unknown, string | null, ...unknown[]]) =>
  /^[a-z]/.test(service ?? "");

testWith(["gcc"], "the table of glibc's results agrees with the C library", async (folder) => {
  const rows = known.filter((row) => isHere("Debian's services") || !isNamed(row));
  const queries = rows.map((row): Query => [row[0], row[1], row[2], row[3], row[4]]);
  const answers = await askC(queries, await compile(folder));
  for (const [index, row] of rows.entries()) {
    assertEquals(inOrder(answers[index] ?? "", row), inOrder(row[5], row), JSON.stringify(row));
  }
});

testWith(["gcc"], "getAddrInfo() agrees with the C library", async (folder) => {
  let queries: Query[] = [];
  const services = [null, "0", "7007", "80", "0080", "nosuchservice"];
  if (isHere("Debian's services")) services.push("http", "domain", "tftp");
  for (const node of [null, "127.0.0.1", "192.0.2.7", "::1", "2001:DB8:0:0::1", "localhost"]) {
    // Each query of a name is a look-up, which may be slow.
    for (const service of node === "localhost" ? ["80", services.at(-1) ?? null] : services) {
      for (const family of [0, 4, 6] as const) {
        for (const socktype of ["", "stream", "dgram"] as const) {
          queries.push([node, service, family, socktype, ""]);
          queries.push([node, service, family, socktype, "passive"]);
        }
      }
    }
  }
  // Concurrently, in C too: each look-up may wait for name servers.
  const program = await compile(folder);
  const names = queries.filter(([node]) => node === "localhost");
  const others = queries.filter(([node]) => node !== "localhost");
  queries = [...others, ...names];
  const pending = [askC(others, program), ...names.map((query) => askC([query], program))];
  const answers = (await Promise.all(pending)).flat();
  const found = await Promise.all(queries.map(ask));
  for (const [index, query] of queries.entries()) {
    let answer = answers[index] ?? "";
    if (query[0] === "localhost") {
      answer = answer.replace(/^EAI_(NODATA|ADDRFAMILY)$/, "EAI_NONAME");
    }
    const ours = inOrder(found[index] ?? "", query);
    assertEquals(ours, inOrder(answer, query), JSON.stringify(query));
  }
});

/** A result, sorted where C's order of the wildcard addresses depends on the routes. */
function inOrder(answer: string, [node, , family, , flags]: readonly unknown[]): string {
  const dependsOnRoutes = node === null && family === 0 && flags === "passive";
  return dependsOnRoutes ? answer.split(", ").toSorted().join(", ") : answer;
}

Deno.test("getAddrInfo()'s addresses can be listened on and connected to", async () => {
  const [own] = await getAddrInfo("127.0.0.1", 0);
  assert(own?.transport === "tcp");
  using listener = Deno.listen(own);
  let connected = 0;
  for (const address of await getAddrInfo("localhost", listener.addr.port, { family: 4 })) {
    if (address.transport !== "tcp") continue;
    using _client = await Deno.connect(address);
    (await listener.accept()).close();
    connected++;
  }
  assert(connected > 0, "localhost has an IPv4 address");
});

Deno.test("getAddrInfo() fails with C's code and message", async () => {
  const cases: [...Parameters<typeof getAddrInfo>, code: string, message: string][] = [
    [null, null, {}, "EAI_NONAME", "getaddrinfo: Name or service not known"],
    ["", 80, {}, "EAI_NONAME", "getaddrinfo : Name or service not known"],
    ["name.invalid", 80, {}, "EAI_NONAME", "getaddrinfo name.invalid: Name or service not known"],
    ["256.1.1.1", 80, {}, "EAI_NONAME", "getaddrinfo 256.1.1.1: Name or service not known"],
    ["[::1]", 80, {}, "EAI_NONAME", "getaddrinfo [::1]: Name or service not known"],
    [
      "::1",
      80,
      { family: 4 },
      "EAI_ADDRFAMILY",
      "getaddrinfo ::1: Address family for hostname not supported",
    ],
    [
      "name.invalid",
      "nosuch",
      {},
      "EAI_SERVICE",
      "getaddrinfo nosuch: Servname not supported for ai_socktype",
    ],
  ];
  for (const bad of [65536, 70000, -1, 80.5, NaN, "65536", " 80", "+80", "0x50", "1e3", ""]) {
    const message = `getaddrinfo ${bad}: Servname not supported for ai_socktype`;
    cases.push(["127.0.0.1", bad, {}, "EAI_SERVICE", message]);
  }
  for (const [node, service, hints, code, message] of cases) {
    const query = JSON.stringify([node, service, hints]);
    const error = await getAddrInfo(node, service, hints).catch((error) => error);
    assertInstanceOf(error, AddrInfoError, query);
    if (error.code === "EAI_AGAIN") continue; // no name server is reachable
    assertEquals([error.code, error.message], [code, message], query);
  }
});

Deno.test("getAddrInfo(), getNameInfo(), parsePort() of numbers and services need no permission", async () => {
  const calls = [
    `net.getAddrInfo("::1", "http")`,
    `net.getAddrInfo("127.1", 80, { socktype: "stream" })`,
    `net.getAddrInfo("::1%1", 80, { socktype: "stream" })`,
    `net.getAddrInfo(null, 7, { passive: true, socktype: "dgram" })`,
    `net.getNameInfo({ transport: "tcp", hostname: "192.0.2.7", port: 22 }, { numericHost: true })`,
    `net.parsePort("7007")`,
    `net.parsePort("http")`,
  ];
  assertEquals(JSON.parse(await evaluate(`Promise.all([${calls}])`)), [
    [{ transport: "tcp", port: 80, hostname: "::1" }],
    [{ transport: "tcp", port: 80, hostname: "127.0.0.1" }],
    [{ transport: "tcp", port: 80, hostname: "::1%1" }],
    [
      { transport: "udp", port: 7, hostname: "0.0.0.0" },
      { transport: "udp", port: 7, hostname: "::" },
    ],
    { host: "192.0.2.7", service: "ssh" },
    7007,
    80,
  ]);
});

Deno.test("getAddrInfo() of a name requires the permission for the whole host", async () => {
  const query = `net.getAddrInfo("localhost", 80, { socktype: "stream" })`;
  const refusal = "getaddrinfo localhost: permission not granted, requires --allow-net=localhost";
  const lesser = [[], ["--allow-net=localhost:80"], ["--allow-net=127.0.0.1"]];
  await Promise.all(lesser.map(async (flags) => {
    assertEquals(await evaluate(query, ...flags), refusal, `${flags}`);
  }));
  const granted = JSON.parse(await evaluate(query, "--allow-net=localhost"));
  assertEquals(granted, await getAddrInfo("localhost", 80, { socktype: "stream" }));
});

Deno.test("a look-up without its permission rejects with NotCapable", async () => {
  const address = `{ transport: "tcp", hostname: "127.0.0.1", port: 80 }`;
  const isNotCapable = "(error) => error instanceof Deno.errors.NotCapable";
  const calls = [`net.getAddrInfo("localhost", 80)`, `net.getNameInfo(${address})`]
    .map((call) => `${call}.catch(${isNotCapable})`);
  assertEquals(await evaluate(`Promise.all([${calls}])`), "[true,true]");
});
