import { assertEquals } from "@std/assert";
import { libcPaths } from "../../lib/posix/libc.ts";
import { Process } from "../../contract/process.ts";
import { root } from "../../contract/header.ts";
import { testWith } from "../support/test_with.ts";

for (const granted of [[], ...libcPaths.map((path) => [path])]) {
  testWith([], `libcPermission() returns the path that is granted: ${granted}`, async (folder) => {
    const program = `${folder}/program.ts`;
    await Deno.writeTextFile(
      program,
      `import { libcPermission } from "file://${root}posix.ts";
      console.log(JSON.stringify(libcPermission()));`,
    );
    const flags = [`--config=${root}deno.json`, ...granted.map((path) => `--allow-ffi=${path}`)];
    await using process = new Process(["run", ...flags, program], false);
    assertEquals(await process.exits(), 0, process.describe());
    assertEquals(JSON.parse(process.stdout), { name: "ffi", path: granted[0] ?? libcPaths[0] });
  });
}
