import { assertEquals, assertMatch } from "@std/assert";
import { testWith } from "../support/test_with.ts";
import { makeDenoDir, Process, temporaryFolder } from "../../contract/process.ts";
import { root } from "../../contract/header.ts";

const portsModule = JSON.stringify(import.meta.resolve("../../contract/ports.ts"));
const processModule = JSON.stringify(import.meta.resolve("../../contract/process.ts"));

Deno.test("freePort() returns different ports to parallel test files", async () => {
  await using folder = await temporaryFolder();
  // Each runs in a worker of one process.
  await Deno.writeTextFile(
    `${folder.path}/worker.ts`,
    `import { freePort } from ${portsModule};
    self.postMessage(Array.from({ length: 50 }, freePort));`,
  );
  await Deno.writeTextFile(
    `${folder.path}/main.ts`,
    `const workers = Array.from({ length: 4 }, () =>
      new Worker(import.meta.resolve("./worker.ts"), { type: "module" }));
    const ports = await Promise.all(workers.map((worker) => new Promise((resolve) => {
      worker.onmessage = ({ data }) => resolve(data);
    })));
    console.log(JSON.stringify(ports.flat()));
    Deno.exit();`,
  );
  const args = ["run", "--allow-all", "--config", "deno.json", `${folder.path}/main.ts`];
  await using process = new Process(args, false);
  assertEquals(await process.exits(), 0, process.describe());
  const taken: number[] = JSON.parse(process.stdout);
  assertEquals(taken.length, 200);
  assertEquals(taken.filter((port, index) => taken.indexOf(port) !== index), []);
  assertEquals(taken.filter((port) => !(port > 10_000 && port < 30_000)), []);
});

/** Runs a command on a terminal. */
const onTerminal =
  "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";

testWith(
  ["python3"],
  "the output of a process on a terminal contains no warning of a damaged cache",
  async (folder) => {
    const denoDir = `${folder}/damaged`;
    makeDenoDir(denoDir);
    for (const name of ["dep_analysis_cache_v2", "node_analysis_cache_v2", "v8_code_cache_v2"]) {
      await Deno.mkdir(`${denoDir}/${name}`); // no database
    }
    await Deno.writeTextFile(`${folder}/hello.ts`, 'console.log("hello");');
    const args = ["-c", onTerminal, Deno.execPath(), "run", `${folder}/hello.ts`];
    await Deno.writeTextFile(
      `${folder}/play.ts`,
      `import { Process } from ${processModule};
    await using process = new Process(${JSON.stringify(args)}, false, undefined, "python3");
    await process.exits();
    console.log(JSON.stringify(process.stdout));
    Deno.exit(); // Process has a timer`,
    );
    const env = { DENO_DIR: denoDir, NO_COLOR: "1" };
    const run = async (program: string, args: string[]): Promise<string> => {
      const { stdout } = await new Deno.Command(program, { args, env, cwd: root }).output();
      return new TextDecoder().decode(stdout);
    };
    assertMatch(await run("python3", args), /Failed to open cache file/); // what it would contain
    const played = ["run", "--allow-all", "--config", `${root}deno.json`, `${folder}/play.ts`];
    assertEquals(await run(Deno.execPath(), played), `"hello\\r\\n"\n`);
  },
);

Deno.test("the output of a process does not depend on the user's environment", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(`${folder.path}/colored.ts`, "console.log([1]); nosuch;");
  await Deno.writeTextFile(
    `${folder.path}/play.ts`,
    `import { Process } from ${processModule};
    await using process = new Process(["run", "${folder.path}/colored.ts"], false);
    await process.exits();
    console.log(JSON.stringify([process.stdout, process.stderr]));
    Deno.exit();`,
  );
  const output = async (env: Record<string, string>): Promise<string> => {
    const args = ["run", "--allow-all", "--config", "deno.json", `${folder.path}/play.ts`];
    const { stdout } = await new Deno.Command(Deno.execPath(), { args, env, cwd: root }).output();
    return new TextDecoder().decode(stdout);
  };
  const usual = await output({});
  assertMatch(usual, /nosuch is not defined/);
  assertEquals(await output({ FORCE_COLOR: "1", DENO_TRACE_PERMISSIONS: "1" }), usual);
});
