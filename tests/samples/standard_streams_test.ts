import { assertEquals } from "@std/assert";
import { HostileServer } from "../support/peers.ts";
import type { Process } from "../../contract/process.ts";
import { startInShell } from "../support/program.ts";
import { samplePaths } from "../../contract/header.ts";

// Errors of stdin and stdout name the call, like those of sockets.

/** Runs a sample with all permissions in a shell script, in which it is "$@". */
async function run(script: string, path: string, ...args: string[]): Promise<Process> {
  await using process = startInShell(script, path, args);
  await process.exits();
  return process;
}

const FULL = "write stdout: No space left on device\n";

for (const path of samplePaths()) {
  Deno.test(`${path} --help reports a full disk`, async () => {
    const { code, stderr } = await run(`exec "$@" >/dev/full`, path, "--help");
    assertEquals([code, stderr], [1, FULL]);
  });
}

Deno.test("clients/tcp_deadlock.ts on a full disk fails in one line", async () => {
  const { code, stderr } = await run(`exec "$@" >/dev/full`, "clients/tcp_deadlock.ts", "0");
  assertEquals([code, stderr.replace(/^listening .*\n/, "")], [1, FULL]);
});

const readers = ["tcp_count", "tcp_echo", "tcp_talk", "telnet"];
for (const path of readers.map((name) => `clients/${name}.ts`)) {
  Deno.test(`${path} reports that its stdin is a directory`, async () => {
    await using server = new HostileServer((socket) => socket.on("end", () => socket.end()));
    const [host = "", port = ""] = (await server.listen()).split(":");
    const { code, stdout, stderr } = await run(`exec "$@" </`, path, host, port);
    assertEquals([code, stdout, stderr], [1, "", "read stdin: Is a directory\n"]);
  });
}

// Opens a pipe, and waits until its reader has closed it.
const closedPipe = `folder=$(mktemp -d); mkfifo "$folder/pipe"; (exec <"$folder/pipe") &
  exec 3>"$folder/pipe"; wait; rm -r "$folder"`;

for (const path of ["clients/tcp_echo.ts", "clients/tcp_talk.ts"]) {
  Deno.test(`${path} with a closed pipe as its stdout fails in one line`, async () => {
    await using server = new HostileServer((socket) => socket.on("data", () => socket.end("hi\n")));
    const [host = "", port = ""] = (await server.listen()).split(":");
    const script = `${closedPipe}; echo hello | "$@" >&3`;
    const { code, stderr } = await run(script, path, host, port);
    assertEquals([code, stderr], [1, "write stdout: Broken pipe\n"]);
  });
}
