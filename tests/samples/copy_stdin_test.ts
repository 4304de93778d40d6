import { assertEquals, assertMatch } from "@std/assert";
import { type Process, startSample, temporaryFolder } from "../../contract/process.ts";
import { randomIntegers } from "../support/bytes.ts";
import { startInShell } from "../support/program.ts";
import { readSample } from "../../contract/header.ts";

const path = "clients/copy_stdin.ts";
const random = randomIntegers(1);
const bytes = new Uint8Array(20_000).map(() => random(256));

/** Starts the sample in a shell script, in which it is `"$@"`. */
function inShell(script: string, ...args: string[]): Process {
  return startInShell(script, path, args, readSample(path).flags);
}

for (const [args, size] of [[[], 1], [["--size=7"], 7], [["--size=65536"], 65_536]] as const) {
  Deno.test(`${path} copies bytes, ${size} at a time`, async () => {
    await using folder = await temporaryFolder();
    const [from, to] = [`${folder.path}/from`, `${folder.path}/to`];
    for (const input of [new Uint8Array(), bytes]) {
      await Deno.writeFile(from, input);
      await using process = inShell(`"$@" < ${from} > ${to}`, ...args);
      assertEquals(await process.exits(), 0, process.describe());
      assertEquals(await Deno.readFile(to), input);
      const reads = Math.ceil(input.length / size) + 1;
      assertMatch(
        process.stderr,
        RegExp(`^${input.length} bytes in ${reads} reads, \\d+\\.\\d+ s\n$`),
      );
    }
  });
}

Deno.test(`${path} copies each byte before it reads the next`, async () => {
  await using process = startSample(path, [], {}, true);
  await process.type("a");
  await process.prints(/^a$/);
  await process.type("b");
  await process.prints(/^ab$/);
  await process.endInput();
  assertEquals(await process.exits(), 0, process.describe());
});

Deno.test(`${path} ends without an error when its stdout is closed`, async () => {
  await using process = inShell(
    'yes | { "$@"; echo "exit $?" >&2; } | head -n 1',
    "--size=100",
  );
  assertEquals(await process.exits(), 0, process.describe());
  assertEquals([process.stdout, process.stderr], ["y\n", "exit 0\n"]);
});

Deno.test(`${path} reports errors of stdin and stdout`, async () => {
  const failures = { '"$@" < /': "read stdin: Is a directory\n" } as Record<string, string>;
  if (Deno.build.os === "linux") {
    failures['echo x | "$@" > /dev/full'] = "write stdout: No space left on device\n";
  }
  for (const [script, says] of Object.entries(failures)) {
    await using process = inShell(script);
    assertEquals(await process.exits(), 1, process.describe());
    assertEquals(process.stderr, says);
  }
});

Deno.test(`${path} rejects an invalid size`, async () => {
  for (const size of ["0", "-1", "x", "1.5"]) {
    await using process = startSample(path, [`--size=${size}`]);
    assertEquals(await process.exits(), 2, process.describe());
  }
});
