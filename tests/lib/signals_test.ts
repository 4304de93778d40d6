import { assert, assertEquals } from "@std/assert";
import { Process } from "../../contract/process.ts";

/** Starts a process that calls terminationSignal() and then runs `program`. */
function start(program: string): Process {
  const library = import.meta.resolve("../../lib/server/signals.ts");
  const code = `
    import { terminationSignal } from "${library}";
    const signal = terminationSignal();
    signal.addEventListener("abort", () => console.log("aborted"));
    ${program}`;
  return new Process(["eval", code], false);
}

const STAY = `setInterval(() => {}, 60_000); console.log("ready");`;
const statuses = { SIGHUP: 128 + 1, SIGINT: 128 + 2, SIGQUIT: 128 + 3, SIGTERM: 128 + 15 };
const signals = Object.keys(statuses) as (keyof typeof statuses)[];

for (const first of signals) {
  Deno.test(`terminationSignal() aborts at ${first}`, async () => {
    await using child = start(`
      const timer = setInterval(() => {}, 60_000);
      signal.addEventListener("abort", () => clearInterval(timer));
      console.log(signal.aborted ? "too early" : "ready");`);
    await child.prints(/ready/);
    child.kill(first);
    assertEquals(await child.exits(), 0, child.describe());
    assertEquals(child.stdout, "ready\naborted\n");
    assertEquals(child.stderr, "");
  });

  for (const second of signals) {
    Deno.test(`terminationSignal() lets ${second} after ${first} end the process`, async () => {
      await using child = start(STAY);
      await child.prints(/ready/);
      child.kill(first);
      await child.prints(/aborted/);
      child.kill(second);
      assertEquals(await child.exits(), statuses[second], child.describe());
      assertEquals(child.stdout, "ready\naborted\n");
    });
  }
}

Deno.test("terminationSignal() lets a second signal that arrives with the first end the process", async () => {
  await using child = start(STAY);
  await child.prints(/ready/);
  child.kill("SIGSTOP"); // so that both are pending when it continues
  child.kill("SIGTERM");
  child.kill("SIGINT");
  child.kill("SIGCONT");
  const code = await child.exits();
  assert(Object.values(statuses).includes(code), child.describe());
});

Deno.test("terminationSignal() does not keep the process alive", async () => {
  await using child = start("");
  assertEquals(await child.exits(), 0, child.describe());
  assertEquals(child.stdout, "");
});

Deno.test("terminationSignal() aborts the signals of all its callers", async () => {
  await using child = start(`
    terminationSignal().addEventListener("abort", () => console.log("so is another"));
    ${STAY}`);
  await child.prints(/ready/);
  child.kill("SIGINT");
  await child.prints(/aborted\nso is another/);
  child.kill("SIGINT");
  assertEquals(await child.exits(), statuses.SIGINT, child.describe());
});
