// Prints posix.json: the values of tests/support/c_values.ts, by gcc on this machine.
//
//     deno run -A tests/support/data/make_posix.ts > tests/support/data/posix.json

import { cValues, includes } from "../c_values.ts";

const prints = Object.keys(cValues).map((name) => `printf("%u\\n", (unsigned)(${name}));\n`);
const program = `#define _GNU_SOURCE\n${includes}int main(void) {\n${prints.join("")}}\n`;
const folder = await Deno.makeTempDir();
await Deno.writeTextFile(`${folder}/values.c`, program);
const args = ["-o", `${folder}/values`, `${folder}/values.c`];
if (!(await new Deno.Command("gcc", { args }).spawn().status).success) Deno.exit(1);
const { stdout } = await new Deno.Command(`${folder}/values`).output();
await Deno.remove(folder, { recursive: true });
const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
const rows = Object.keys(cValues).map((name, index) => [name, Number(lines[index])]);
console.log(JSON.stringify(Object.fromEntries(rows), null, 2));
