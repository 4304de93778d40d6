import { assertEquals } from "@std/assert";
import type { Process } from "../../contract/process.ts";
import { runProgram } from "../support/program.ts";

const library = import.meta.resolve("../../lib/cli/die.ts");

/** Makes one call in a separate process. */
async function run(call: string): Promise<Process> {
  return await runProgram(`
    import { dieWithSystemMessage, dieWithUserMessage } from "${library}";
    ${call};
    console.log("it is still alive");`);
}

/** The arguments, as they are in a program, and the message. */
const cases: Record<string, [args: string, words: string][]> = {
  dieWithUserMessage: [
    [`"inet_pton() failed", "invalid address"`, "inet_pton() failed: invalid address"],
    [`"100%s of %d", "%% %o"`, "100%s of %d: %% %o"],
    [`"accept() failed", ""`, "accept() failed: "],
  ],
  dieWithSystemMessage: [
    [
      `"connect() failed", new Deno.errors.ConnectionRefused("Connection refused (os error 111)")`,
      "connect() failed: Connection refused",
    ],
    [
      `"socket() failed", new Deno.errors.NotCapable('Requires net access to "[::1]:7", run again')`,
      "socket() failed: permission not granted, requires --allow-net=[::1]:7",
    ],
    [`"100%s of %d", new Error("%% %o")`, "100%s of %d: %% %o"],
    [`"recv() failed", "no error at all"`, "recv() failed: no error at all"],
  ],
};

for (const [name, calls] of Object.entries(cases)) {
  Deno.test(`${name}() prints its message on stderr and exits with 1`, async () => {
    await Promise.all(calls.map(async ([args, words]) => {
      const { code, stdout, stderr } = await run(`${name}(${args})`);
      assertEquals([code, stdout, stderr], [1, "", `${words}\n`], args);
    }));
  });
}
