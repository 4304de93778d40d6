import { assert, assertEquals } from "@std/assert";
import { isServer, root, samplePaths } from "../../contract/header.ts";
import { servers } from "../support/servers.ts";
import { document, promises, withMatrix } from "./promises.ts";

// The table of promises is complete, and the document shows it.

const paths = [...new Set(servers.map(({ path }) => path))];

Deno.test("every server is in the table", () => {
  assertEquals(paths.toSorted(), samplePaths().filter(isServer).toSorted());
});

for (const [name, { exempt }] of Object.entries(promises)) {
  Deno.test(`the promise ${name} is tested in its file, and its exempt servers exist`, () => {
    const test = Deno.readTextFileSync(`${root}tests/promises/${name}_test.ts`);
    assert(RegExp(`^ *(?:keeps|covers)\\(\\s*"${name}",`, "m").test(test), "no test");
    for (const path of Object.keys(exempt)) assert(paths.includes(path), path);
    assert(Object.keys(exempt).length < paths.length, "no server gives it");
  });
}

Deno.test(`${document} shows the table`, async () => {
  const text = await Deno.readTextFile(`${root}${document}`);
  assertEquals(text, await withMatrix(text), "deno run -A tests/promises/promises.ts writes it");
});
