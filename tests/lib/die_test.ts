import { assertEquals } from "@std/assert";
import { environment } from "../../contract/process.ts";

const library = import.meta.resolve("../../lib/cli/die.ts");

/** Makes one call in a process of its own: what that printed, and its exit status. */
async function run(call: string): Promise<{ stdout: string; stderr: string; code: number }> {
  const code = `
    import { dieWithSystemMessage, dieWithUserMessage } from "${library}";
    ${call};
    console.log("it is still alive");`;
  const options = { args: ["eval", code], clearEnv: true, env: environment() };
  const output = await new Deno.Command(Deno.execPath(), options).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { stdout: text(output.stdout), stderr: text(output.stderr), code: output.code };
}

/** The arguments, as they are in a program, and the last words. */
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
  Deno.test(`${name}() prints its last words on stderr and exits with 1`, async () => {
    for (const [args, words] of calls) {
      const expected = { stdout: "", stderr: `${words}\n`, code: 1 };
      assertEquals(await run(`${name}(${args})`), expected, args);
    }
  });
}
