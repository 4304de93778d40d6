import { assertEquals } from "@std/assert";
import { root } from "../../contract/header.ts";
import { Process } from "../../contract/process.ts";
import { testWith } from "../support/test_with.ts";

// poll and select while signals arrive, for which the program has a listener.

const program = `
  import { FdSet, poll, POLLIN, select, SOCK_STREAM, socketpair } from "${root}posix.ts";
  Deno.addSignalListener("SIGUSR2", () => {});
  const [left] = socketpair(SOCK_STREAM);
  console.log("ready");
  try {
    for (let turn = 0; turn < 100; turn++) {
      for (let i = 0; i < 200; i++) {
        await poll([{ descriptor: left, events: POLLIN }], 0);
        const readable = new FdSet();
        readable.add(left);
        await select(readable, null, null, 0);
      }
      await new Promise((resolve) => setTimeout(resolve, 0)); // Deno's loop runs the listener
    }
    console.log("not interrupted");
  } catch (error) {
    console.log(error.message);
  }
`;

testWith(
  ["Linux C library"],
  "`poll()` and `select()` are not interrupted by signals",
  async () => {
    await using process = new Process(["run", "--allow-ffi", "-"], true);
    await process.type(program);
    await process.endInput();
    await process.prints(/^ready$/m);
    while (process.stdout === "ready\n" && process.code === undefined) {
      for (let i = 0; i < 200; i++) process.kill("SIGUSR2");
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    assertEquals(process.stdout, "ready\nnot interrupted\n", process.describe());
  },
);
