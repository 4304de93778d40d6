import { assert, assertEquals } from "@std/assert";
import { getAddrInfo } from "../../lib/address/addrinfo.ts";
import { AddrInfoError } from "../../lib/address/addrinfo_error.ts";
import { isHere } from "../../contract/requirements.ts";
import { testWith } from "../support/test_with.ts";

type Query = [
  node: string | null,
  service: string | null,
  family: 0 | 4 | 6,
  socktype: "" | "stream" | "dgram",
  flags: "" | "passive",
];

/** Queries with glibc's answers, and ours where they differ; `lo` is interface 1, services are Debian's. */
const known: [...Query, glibc: string, ours?: string][] = JSON.parse(
  Deno.readTextFileSync(`${import.meta.dirname}/../support/data/addrinfo.json`),
);

/** What getAddrInfo() answers, as data/addrinfo.c prints it. */
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

/** What getaddrinfo(3) of this machine answers. */
async function askC(queries: Query[], folder: string): Promise<string[]> {
  const program = `${folder}/addrinfo`;
  const source = `${import.meta.dirname}/../support/data/addrinfo.c`;
  const compiler = await new Deno.Command("gcc", { args: ["-o", program, source] }).output();
  assert(compiler.success, new TextDecoder().decode(compiler.stderr));
  const argument = (text: string | null) => text === null ? "-" : `=${text}`;
  const args = queries.flatMap(([node, service, family, ...rest]) => [
    argument(node),
    argument(service),
    `${family}`,
    ...rest,
  ]);
  const { stdout } = await new Deno.Command(program, { args }).output();
  return new TextDecoder().decode(stdout).trimEnd().split("\n").map(withNameServers);
}

/** An answer as it is where name servers answer: the names here are none, but for localhost. */
function withNameServers(answer: string): string {
  return answer === "EAI_AGAIN" ? "EAI_NONAME" : answer;
}

Deno.test("getAddrInfo() answers as glibc does, but for the differences that are documented", async () => {
  for (const [node, service, family, socktype, flags, glibc, ours] of known) {
    const query: Query = [node, service, family, socktype, flags];
    assertEquals(await ask(query), ours ?? glibc, JSON.stringify(query));
  }
});

/** Whether a query's answer depends on /etc/services. */
const isNamed = ([, service]: readonly [unknown, string | null, ...unknown[]]) =>
  /^[a-z]/.test(service ?? "");

testWith(["gcc"], "the table of glibc's answers is what the C library answers", async (folder) => {
  const rows = known.filter((row) => isHere("Debian's services") || !isNamed(row));
  const queries = rows.map((row): Query => [row[0], row[1], row[2], row[3], row[4]]);
  const answers = await askC(queries, folder);
  for (const [index, row] of rows.entries()) {
    assertEquals(inOrder(answers[index] ?? "", row), inOrder(row[5], row), JSON.stringify(row));
  }
});

testWith(["gcc"], "getAddrInfo() finds what the C library finds", async (folder) => {
  const queries: Query[] = [];
  const services = [null, "0", "7007", "80", "0080", "nosuchservice"];
  if (isHere("Debian's services")) services.push("http", "domain", "tftp");
  for (const node of [null, "127.0.0.1", "192.0.2.7", "::1", "2001:DB8:0:0::1", "localhost"]) {
    // A name is looked up each time, which may take the name servers a while.
    for (const service of node === "localhost" ? ["80", services.at(-1) ?? null] : services) {
      for (const family of [0, 4, 6] as const) {
        for (const socktype of ["", "stream", "dgram"] as const) {
          queries.push([node, service, family, socktype, ""]);
          queries.push([node, service, family, socktype, "passive"]);
        }
      }
    }
  }
  const answers = await askC(queries, folder);
  for (const [index, query] of queries.entries()) {
    let answer = answers[index] ?? "";
    if (query[0] === "localhost") {
      answer = answer.replace(/^EAI_(NODATA|ADDRFAMILY)$/, "EAI_NONAME");
    }
    const found = await ask(query);
    assertEquals(inOrder(found, query), inOrder(answer, query), JSON.stringify(query));
  }
});

/** An answer; where C's order of the wildcard addresses depends on the routes, in order of the text. */
function inOrder(answer: string, [node, , family, , flags]: readonly unknown[]): string {
  const dependsOnRoutes = node === null && family === 0 && flags === "passive";
  return dependsOnRoutes ? answer.split(", ").toSorted().join(", ") : answer;
}
