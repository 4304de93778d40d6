import { assert, assertEquals, assertMatch } from "@std/assert";
import { libc } from "../../contract/libc.ts";
import { runProgram } from "../support/program.ts";
import { testWith } from "../support/test_with.ts";

// errno: the right number under garbage collection and signals, in several threads; and how the C library
// is loaded.

const library = JSON.stringify(import.meta.resolve("../../posix.ts"));

/** A function that makes failing calls, each with a known error, and returns the number of wrong errors. */
const failingCalls = `
  import * as posix from ${library};
  import { errno, errnoAddress, errnoCell, libc } from ${
  JSON.stringify(import.meta.resolve("../../lib/posix/libc.ts"))
};
  const socket = posix.socket(posix.AF_INET, posix.SOCK_STREAM);
  const datagram = posix.socket(posix.AF_INET, posix.SOCK_DGRAM);
  const closed = posix.socket(posix.AF_INET, posix.SOCK_STREAM);
  closed.close();
  const option = new Uint8Array(4);
  const buffer = new Uint8Array(8);
  const calls = {
    EBADF: () => posix.recv(closed, buffer),
    ENOTCONN: () => posix.recv(socket, buffer),
    EDESTADDRREQ: () => posix.send(datagram, buffer),
    ENOPROTOOPT: () => posix.setsockopt(socket, posix.SOL_SOCKET, 9999, option),
    EAFNOSUPPORT: () => posix.socket(99, 1),
    EINVAL: () => posix.accept(socket),
    EOPNOTSUPP: () => posix.listen(datagram, 5),
  };
  const garbage = [];
  const sys = libc();
  export async function countWrong(names, count) {
    let wrong = 0;
    const check = (got, expected) => {
      if (got === expected) return;
      wrong++;
      console.error(\`\${got}, not \${expected}\`);
    };
    for (let i = 0; i < count; i++) {
      const name = names[i % names.length];
      try {
        calls[name]();
        check("no error", name);
      } catch (error) {
        check(error.code, name);
      }
      // Creating an error takes most of the time: most calls create none.
      for (let k = 0; k < 10; k++) {
        if (sys.listen(-1, 5) !== -1 || errno(sys.saveErrno(errnoCell, errnoAddress, 4)) !== 9) check("another", "EBADF");
        if (sys.socket(99, 1, 0) !== -1 || errno(sys.saveErrno(errnoCell, errnoAddress, 4)) !== 97) check("another", "EAFNOSUPPORT");
      }
      garbage[i % 512] = new Array(64).fill({});
      if (i % 256 === 0) await new Promise((resolve) => setTimeout(resolve)); // signals arrive
    }
    return wrong;
  }`;

testWith(
  ["Linux C library"],
  "errno is right in 1,000,000 failing calls under garbage collection and signals",
  async () => {
    const program = `
      ${failingCalls}
      let signals = 0;
      Deno.addSignalListener("SIGUSR2", () => signals++);
      const worker = new Worker(\`data:text/javascript,
        setInterval(() => { for (let i = 0; i < 5; i++) Deno.kill(\${Deno.pid}, "SIGUSR2") }, 1);
      \`, { type: "module" });
      const wrong = await countWrong(Object.keys(calls), 48_000);
      console.log(wrong, signals > 0);
      Deno.exit();`;
    const process = await runProgram(program, "--allow-all", "--v8-flags=--stress-scavenge=50");
    assertEquals([process.code, process.stdout], [0, "0 true\n"], process.describe());
  },
);

testWith(["Linux C library"], "each Worker has its own errno", async (folder) => {
  await Deno.writeTextFile(`${folder}/calls.js`, failingCalls);
  await Deno.writeTextFile(
    `${folder}/worker.js`,
    `import { countWrong } from "./calls.js";
    onmessage = async ({ data }) => postMessage(await countWrong(data, 10_000));`,
  );
  const program = `
    import { countWrong } from ${JSON.stringify(`file://${folder}/calls.js`)};
    const [a, b] = [["EBADF", "ENOTCONN"], ["EAFNOSUPPORT", "EDESTADDRREQ"]].map((names) => {
      const worker = new Worker(${
    JSON.stringify(`file://${folder}/worker.js`)
  }, { type: "module" });
      worker.postMessage(names);
      return new Promise((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = reject;
      });
    });
    const own = countWrong(["EINVAL", "EOPNOTSUPP"], 5_000);
    console.log(await a, await b, await own);
    Deno.exit();`;
  const process = await runProgram(program, "--allow-all");
  assertEquals([process.code, process.stdout], [0, "0 0 0\n"], process.describe());
});

/** A program that prints the error of its first call, on one line. */
const firstCall = `
  const posix = await import(${library});
  try {
    posix.socket(posix.AF_INET, posix.SOCK_STREAM).close();
    console.log("no error");
  } catch (error) {
    console.log(error.name, error.message, error.syscall);
  }`;

testWith(["Linux C library"], "without the permission the error names the flag", async () => {
  assert(libc !== undefined);
  const { arch } = Deno.build;
  const debian = `/lib/${arch}-linux-gnu/libc.so.6`;
  const names =
    `permission not granted, requires --allow-ffi=${debian} \\(Fedora: /lib64/libc.so.6, ` +
    `Arch: /lib/libc.so.6, Alpine: /lib/libc.musl-${arch}.so.1\\)`;
  const cases: [flags: string[], expected: RegExp][] = [
    [[], new RegExp(`^NotCapable dlopen: ${names} dlopen\\n$`)],
    [["--allow-ffi=/lib/no_such.so"], new RegExp(`^NotCapable dlopen: ${names} dlopen\\n$`)],
    [[`--allow-ffi=${libc}`], /^no error\n$/],
    [["--allow-ffi=/lib"], /^no error\n$/],
    [["--allow-ffi"], /^no error\n$/],
  ];
  const read = `--allow-read=${new URL("../..", import.meta.url).pathname}`;
  for (const [flags, expected] of cases) {
    const process = await runProgram(firstCall, read, ...flags);
    assertMatch(process.stdout, expected, `${flags}: ${process.describe()}`);
    assertEquals([process.code, process.stderr], [0, ""]);
  }
});

testWith(
  ["Linux C library"],
  "a library that is granted and cannot be loaded is an error",
  async () => {
    const read = `--allow-read=${new URL("../..", import.meta.url).pathname}`;
    const alpine = `/lib/libc.musl-${Deno.build.arch}.so.1`;
    if (await Deno.stat(alpine).then(() => true, () => false)) return;
    const process = await runProgram(firstCall, read, `--allow-ffi=${alpine}`);
    const { code, stdout } = process;
    assertEquals(code, 0, process.describe());
    assertMatch(
      stdout,
      /^\w+ dlopen: .*\/lib\/libc\.musl-.*: cannot open shared object file.* dlopen\n$/,
    );
  },
);

testWith(["Linux C library"], "on another system the error states what is required", async () => {
  for (const [os, arch] of [["darwin", "aarch64"], ["windows", "x86_64"], ["freebsd", "x86_64"]]) {
    const program = `
      const Deno = globalThis.Deno;
      const build = { ...Deno.build, os: "${os}", arch: "${arch}" };
      Object.defineProperty(Deno, "build", { value: build });
      ${firstCall}`;
    const process = await runProgram(program, "--allow-all");
    const sentence = `the system calls require Linux on x86-64 or arm64, this is ${os} on ${arch}`;
    assertEquals(
      [process.code, process.stdout],
      [0, `NotSupported dlopen: ${sentence} dlopen\n`],
      process.describe(),
    );
  }
});
