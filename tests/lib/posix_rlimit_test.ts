import { assertEquals, assertThrows } from "@std/assert";
import { getrlimit, RLIMIT_NOFILE, setrlimit } from "../../posix.ts";
import { runProgram } from "../support/program.ts";
import { testWith } from "../support/test_with.ts";

testWith(["Linux C library"], "`getrlimit()` returns the limit that the shell shows", () => {
  const { stdout } = new Deno.Command("sh", { args: ["-c", "ulimit -n"] }).outputSync();
  const shown = new TextDecoder().decode(stdout).trim();
  const limit = getrlimit(RLIMIT_NOFILE);
  assertEquals(limit === Infinity ? "unlimited" : `${limit}`, shown);
});

/** Lowers the limit to the descriptor that is open, then raises it again. */
const PROGRAM = `
  import * as posix from ${JSON.stringify(import.meta.resolve("../../posix.ts"))};
  const open = () => posix.socket(posix.AF_INET, posix.SOCK_STREAM);
  const limit = posix.getrlimit(posix.RLIMIT_NOFILE);
  const last = open();
  posix.setrlimit(posix.RLIMIT_NOFILE, last.fd + 1);
  console.log(posix.getrlimit(posix.RLIMIT_NOFILE) === last.fd + 1);
  try {
    open();
  } catch (error) {
    console.log(error.code);
  }
  posix.setrlimit(posix.RLIMIT_NOFILE, limit);
  console.log(open().fd === last.fd + 1);
`;

testWith(["Linux C library"], "`setrlimit()` limits descriptor numbers", async () => {
  // In a process of its own: the tests that run at the same time need descriptors.
  const program = await runProgram(PROGRAM, "--allow-ffi");
  assertEquals(program.stdout, "true\nEMFILE\ntrue\n", program.describe());
});

testWith(["Linux C library"], "`getrlimit()` and `setrlimit()` reject invalid values", () => {
  assertThrows(() => getrlimit(99), Error, "getrlimit: Invalid argument");
  assertThrows(() => setrlimit(99, 1), Error, "getrlimit: Invalid argument");
  for (const limit of [-1, 1.5, NaN, -Infinity]) {
    assertThrows(() => setrlimit(RLIMIT_NOFILE, limit), RangeError, `setrlimit: ${limit} is not`);
  }
});
