import { assert, assertEquals } from "@std/assert";
import type { Need } from "../../contract/requirements.ts";
import { testWith } from "../support/test_with.ts";
import { play } from "../../contract/player.ts";
import { Process, temporaryFolder } from "../../contract/process.ts";
import { withLibc } from "../../contract/libc.ts";
import { parseTranscript, readSample, root } from "../../contract/header.ts";
import { blocks as blocksIn, sectionsOf, tableIn } from "../support/documents.ts";

// docs/permissions.md: its statements are executed.

const path = "docs/permissions.md";

const sections = sectionsOf(path);

const blocks = (heading: string, language: string) =>
  blocksIn(sections.get(heading) ?? "", language);
const table = (heading: string) => tableIn(sections.get(heading) ?? "");

/** The texts in backticks. */
const code = (cell: string): string[] =>
  Array.from(cell.matchAll(/`([^`]+)`/g), ([, c]) => c ?? "");

const socketTable = "What each kind of socket requires";
const refusalTable = "Invalid grants";
const prompt = "On a terminal, Deno asks first";
const audit = "Which flags a program requires";

Deno.test(`${path} shows each pitfall in a block that the tests run`, () => {
  const headings = [...sections.keys()];
  const shown = headings.filter((heading) => blocks(heading, "console").length > 0);
  assertEquals(
    headings.filter((heading) => !shown.includes(heading)),
    [socketTable, refusalTable, prompt, audit], // which have separate tests, below
  );
});

for (const heading of sections.keys()) {
  for (const [index, block] of blocks(heading, "console").entries()) {
    const transcript = parseTranscript(block, path);
    const needs: Need[] = /servers\S* ::1/.test(block) ? ["IPv6"] : [];
    testWith(needs, `${path}: ${heading}, block ${index + 1}`, async () => {
      const { differences } = await play({
        path,
        flags: [],
        summary: heading,
        transcript,
        needs,
      });
      assertEquals(differences, []);
    });
  }
}

for (const [socket = "", flags = "", , sample = ""] of table(socketTable)) {
  Deno.test(`${path}: the flags of ${socket} are those of its sample`, () => {
    const [, name, file = ""] = /^\[(\w+)\]\(\.\.\/(.*)\)$/.exec(sample) ?? [];
    assertEquals(file.split("/")[1], `${name}.ts`);
    assertEquals(code(withLibc(flags)), readSample(file).flags); // header_test.ts shows that they are minimal
  });
}

for (const [flagCell = "", messageCell = ""] of table(refusalTable)) {
  const [flag = ""] = code(flagCell);
  Deno.test(`${path}: Deno refuses to start with ${flag}`, async () => {
    await using process = new Process(["run", flag, "clients/tcp_echo.ts", "--help"], false);
    assertEquals(await process.exits(), 1);
    assertEquals(process.stderr.split("\n")[0], `error: ${code(messageCell)[0]}`);
  });
}

/**
 * Runs a program on a terminal, and types an answer to each question until it is accepted: Deno discards what
 * is typed shortly after the question.
 */
const TERMINAL = `
import os, pty, re, select, sys
answer, *command = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
screen = b""
while True:
    asked = screen.rstrip().endswith(b">") or screen.endswith(answer.encode() + b"\\r\\n")
    if select.select([terminal], [], [], 0.1)[0]:
        try:
            piece = os.read(terminal, 65536)
        except OSError: # it has ended
            break
        if not piece:
            break
        screen += piece
    elif asked:
        os.write(terminal, answer.encode() + b"\\n")
print(re.sub(r"\\x1b\\[[0-9;]*[A-Za-z]", "", screen.decode()).replace("\\r\\n", "\\n"), end="")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

/** Runs `deno` on a terminal, with the same answer to every question. */
async function onTerminal(answer: string, ...args: string[]): Promise<string> {
  const command = ["-c", TERMINAL, answer, Deno.execPath(), ...args];
  await using process = new Process(command, false, undefined, "python3");
  await process.exits();
  return process.stdout;
}

/** Two addresses on which no server listens, one after the other. */
const twoConnects = `
  for (const port of [7007, 7008]) {
    await Deno.connect({ hostname: "127.0.0.1", port }).catch((error) => console.log(error.name));
  }
`;

testWith(["python3"], `${path}: ${prompt}`, async (folder) => {
  const client = `${folder}/client.ts`;
  await Deno.writeTextFile(client, twoConnects);
  const questions = (text: string) => [...text.matchAll(/requests net access to "(.*?)"/g)];

  const yes = await onTerminal("y", "run", "--allow-net=127.0.0.1:7008", client);
  const [block = ""] = blocks(prompt, "text");
  let position = 0;
  for (const line of block.trimEnd().split("\n")) {
    position = yes.indexOf(line, position);
    assert(position !== -1, `"${line}" is not where it should be in ${JSON.stringify(yes)}`);
  }

  assertEquals(questions(await onTerminal("y", "run", client)).length, 2);
  assertEquals(questions(await onTerminal("A", "run", client)).length, 1);
  const no = await onTerminal("n", "run", client);
  assertEquals(questions(no).length, 2);
  assertEquals(no.match(/^NotCapable$/gm)?.length, 2);
  for (const flag of ["--no-prompt", "--deny-net"]) {
    assertEquals(await onTerminal("y", "run", flag, client), "NotCapable\nNotCapable\n");
  }
});

/** The permissions that Deno logs for a program with all permissions. */
async function auditOf(...args: string[]): Promise<{ permission: string; value: string }[]> {
  await using folder = await temporaryFolder();
  const log = `${folder.path}/audit.jsonl`;
  await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", ...args],
    cwd: root,
    env: { DENO_AUDIT_PERMISSIONS: log },
    stdin: "null",
  }).output();
  return Deno.readTextFileSync(log).trimEnd().split("\n").map((line) => {
    const { permission, value } = JSON.parse(line);
    return { permission, value };
  });
}

Deno.test(`${path}: ${audit}`, async () => {
  const [command = ""] = blocks(audit, "sh");
  const [, args = ""] = /^DENO_AUDIT_PERMISSIONS=\S+ deno run --allow-all (.*)$/m.exec(command) ??
    [];
  const [log = ""] = blocks(audit, "json");
  const written = log.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(await auditOf(...args.split(" ")), written);

  await using folder = await temporaryFolder();
  const socket = `${folder.path}/nobody`;
  const used = await auditOf("unix/dgram_send.ts", socket, "hello");
  // On a busy machine a send may take longer than one turn, and is repeated.
  assertEquals(used.length % 3, 0);
  assertEquals(used.slice(0, 3), [
    { permission: "read", value: socket },
    { permission: "write", value: socket },
    { permission: "net", value: `unix:${socket}` },
  ]);
});
