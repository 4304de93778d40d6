import { assertEquals, assertRejects } from "@std/assert";
import { getNameInfo, type NameInfoFlags } from "../../lib/address/nameinfo.ts";
import { isHere } from "../../contract/requirements.ts";
import { evaluate } from "../support/program.ts";
import { python3 } from "../support/python.ts";

const askGetNameInfo = `
def answer(host, port, transport, flags):
    bits = socket.NI_DGRAM if transport == "udp" else 0
    bits |= socket.NI_NUMERICHOST if flags.get("numericHost") else 0
    bits |= socket.NI_NUMERICSERV if flags.get("numericService") else 0
    bits |= socket.NI_NAMEREQD if flags.get("nameRequired") else 0
    try:
        return list(socket.getnameinfo((host, port), bits))
    except socket.gaierror as error:
        return error.strerror

print(json.dumps([answer(*query) for query in json.loads(sys.argv[1])]))
`;

const nameQueries: [string, number, "tcp" | "udp", NameInfoFlags][] = [];
for (const host of ["127.0.0.1", "::1", "192.0.2.7"]) {
  for (const port of [0, 7, 69, 80, 514]) {
    for (let bits = 0; bits < 16; bits++) {
      const [numericHost, numericService, nameRequired] = [1, 2, 4].map((bit) =>
        (bits & bit) !== 0
      );
      if (port !== 80 && host !== "127.0.0.1") continue; // to limit the look-ups
      if (!numericService && !isHere("Debian's services")) continue;
      nameQueries.push([host, port, bits < 8 ? "tcp" : "udp", {
        numericHost: numericHost === true,
        numericService: numericService === true,
        nameRequired: nameRequired === true,
      }]);
    }
  }
}
const names = await python3<(string | [string, string])[]>(
  "-c",
  `import json, socket, sys\n${askGetNameInfo}`,
  JSON.stringify(nameQueries),
);

Deno.test({
  name: "getNameInfo() agrees with the C library" + (names ? "" : " (ignored: no python3)"),
  ignore: names === null,
  async fn() {
    for (const [index, query] of nameQueries.entries()) {
      const [hostname, port, transport, flags] = query;
      const found = await getNameInfo({ transport, hostname, port }, flags).then(
        ({ host, service }): [string, string] => [host, service],
        (error): string => error.message.replace(`getnameinfo ${hostname}: `, ""),
      );
      assertEquals(found, names?.[index] ?? "", JSON.stringify(query));
    }
  },
});

Deno.test("getNameInfo() rejects a host name, with numericHost too", async () => {
  const address = { transport: "tcp", hostname: "localhost", port: 80 } as const;
  for (const numericHost of [false, true]) {
    await assertRejects(() => getNameInfo(address, { numericHost }), TypeError, "localhost");
  }
});

Deno.test("getNameInfo() requires the permission for the address", async () => {
  const cases = [["127.0.0.1", "127.0.0.1:80"], ["::1", "[::1]:80"]] as const;
  await Promise.all(cases.map(async ([hostname, grant]) => {
    const address = { transport: "tcp", hostname, port: 80 } as const;
    const query = `net.getNameInfo(${JSON.stringify(address)})`;
    const refusal = `getnameinfo ${grant}: permission not granted, requires --allow-net=${grant}`;
    assertEquals(await evaluate(query, "--allow-net=127.0.0.1:81"), refusal);
    const granted = JSON.parse(await evaluate(query, `--allow-net=${grant}`));
    assertEquals(granted, await getNameInfo(address));
  }));
});
