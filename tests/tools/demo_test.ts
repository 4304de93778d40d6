import { assert, assertEquals, assertMatch } from "@std/assert";
import { Process, temporaryFolder } from "../../contract/process.ts";
import { readCourse } from "../../contract/course.ts";
import { readSample, root, samplePaths } from "../../contract/header.ts";
import { testWith } from "../support/test_with.ts";

// The demo as a user runs it.

const startDemo = (args: string[], reads = false) =>
  new Process(["run", "--allow-all", "demo.ts", ...args], reads);

/** Runs the demo to its end. */
async function runDemo(...args: string[]): Promise<Process> {
  await using demo = startDemo(args);
  await demo.exits();
  return demo;
}

/** The samples that the demo has printed, in order. */
const played = ({ stdout }: Process) =>
  Array.from(stdout.matchAll(/^\[\d+\/\d+\] (\S+)/gm), ([, path = ""]) => path);

/** The labels that the demo has printed in a sample, each with the program of its command. */
const labels = ({ stdout }: Process) =>
  Array.from(
    stdout.matchAll(/^ {2}(\d \w+) \| \$ .*?(\w+)\.ts/gm),
    ([, label, program]) => `${label} ${program}`,
  );

/** How many lines of terminals it has printed. */
const countLines = ({ stdout }: Process) => stdout.match(/^ {2}.*\|.*\n/gm)?.length ?? 0;

Deno.test("readCourse() has each sample once, in steps that are numbered from 1", () => {
  const steps = readCourse();
  assertEquals(steps.flatMap(({ samples }) => samples).sort(), samplePaths().sort());
  assertEquals(steps.map(({ number }) => number), Array.from(steps.keys(), (index) => index + 1));
  for (const { title, number } of steps) assert(title !== "", `step ${number}`);
});

Deno.test("the demo plays samples in the order of the learning path, below their steps", async () => {
  const demo = await runDemo("tcp_talk", "tcp_request", "copy_stdin");
  assertEquals(demo.code, 0, demo.describe());
  const headings = Array.from(
    demo.stdout.matchAll(/^(?:step \d+|\[\d\/\d\] \S+)/gm),
    ([heading]) => heading,
  );
  assertEquals(headings, [
    "step 2",
    "[1/4] clients/tcp_talk.ts",
    "step 4",
    "[2/4] servers/tcp_request.ts",
    "[3/4] clients/tcp_request.ts",
    "step 6",
    "[4/4] clients/copy_stdin.ts",
  ]);
  assertMatch(demo.stdout, /\n4 of 4 played as their transcripts say\n$/);
  const path = readCourse().flatMap(({ samples }) => samples);
  assertEquals(played(demo), path.filter((sample) => played(demo).includes(sample)));
});

for (
  const [name, expected] of [
    ["servers/udp_receive", ["1 server udp_receive", "2 client udp_hello"]],
    ["servers/udp_broadcast", ["1 server udp_broadcast", "2 client udp_broadcast"]],
    ["unix/dgram_send", ["1 server dgram_receive", "2 client dgram_send"]],
    ["unix/stream_echo_client", ["1 server stream_echo_server", "2 client stream_echo_client"]],
    ["clients/copy_stdin", ["1 client copy_stdin", "2 client copy_stdin"]],
  ] as const
) {
  const { needs } = readSample(`${name}.ts`);
  testWith(needs, `the demo labels the programs of ${name} by their roles`, async () => {
    const demo = await runDemo(name);
    assertEquals(labels(demo), [...expected], demo.describe());
  });
}

Deno.test("the demo does not wrap lines in a pipe", async () => {
  const demo = await runDemo("tcp_echo_prefork");
  const { summary } = readSample("servers/tcp_echo_prefork.ts");
  assert(demo.stdout.includes(`[1/1] servers/tcp_echo_prefork.ts  ${summary}\n`), demo.stdout);
  assert(demo.stdout.includes("Message: hello\n"));
});

/** Runs the demo on a terminal of 80 columns, types Enter when it waits, and prints the terminal's text. */
const onTerminal = `
import fcntl, os, pty, struct, sys, termios
pid, terminal = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    os.execvp(sys.argv[1], sys.argv[1:])
step = "--step" in sys.argv
while True:
    try:
        text = os.read(terminal, 65536)
    except OSError: # EIO: the demo has ended
        break
    if not text:
        break
    os.write(1, text)
    if step and b"| " in text or b"|\\x1b" in text:
        os.write(terminal, b"\\n")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

/** Runs the demo on a terminal; returns its lines, without what sets colours. */
async function runOnTerminal(...args: string[]): Promise<string[]> {
  const command = [Deno.execPath(), "run", "--quiet", "--allow-all", "demo.ts", ...args];
  await using python = new Process(["-c", onTerminal, ...command], false, undefined, "python3");
  assertEquals(await python.exits(), 0, python.describe());
  // deno-lint-ignore no-control-regex
  return python.stdout.replace(/\x1b\[[\d;]*m/g, "").split("\r\n");
}

testWith(["python3"], "the demo wraps lines at the width of the terminal", async () => {
  const lines = await runOnTerminal("tcp_echo_prefork");
  assertEquals(lines.filter((line) => line.length > 80), []);
  const start = lines.findIndex((line) => line.startsWith("[1/1] servers/tcp_echo_prefork.ts  "));
  const { summary } = readSample("servers/tcp_echo_prefork.ts");
  const heading = lines.slice(start, lines.findIndex((line) => line.startsWith("  1 server | $")));
  assert(heading.length > 1, "the summary is wider than the terminal");
  assertEquals(
    heading.join(" ").replace(/ +/g, " "),
    `[1/1] servers/tcp_echo_prefork.ts ${summary}`,
  );
  // The command is cut between words, and its rest stands beside its label.
  const command = lines.findIndex((line) => line.startsWith("  1 server | $ deno run"));
  const rest = lines.slice(command + 1).findIndex((line) => !/^ {11}\| {3}\S/.test(line));
  assert(rest > 0, lines.join("\n"));
  const words = lines.slice(command, command + 1 + rest).map((line) => line.slice(13).trim());
  const { flags } = readSample("servers/tcp_echo_prefork.ts");
  const expected = `$ deno run ${
    flags.join(" ")
  } servers/tcp_echo_prefork.ts 127.0.0.1 7007 --workers=2`;
  assertEquals(words.join(" ").replace(/\b\d{5}\b/g, "7007"), expected);
});

testWith(["python3"], "the demo steps on a terminal, and removes the echo of Enter", async () => {
  const lines = await runOnTerminal("copy_stdin", "--step");
  assert(lines.some((line) => line.startsWith("Press Enter")), lines.join("\n"));
  assert(lines.some((line) => line.startsWith("\x1b[A\x1b[K")), JSON.stringify(lines));
  assert(lines.some((line) => line.includes("1 of 1 played")), lines.join("\n"));
});

Deno.test("--step prints a line for each Enter, and all others at the end of stdin", async () => {
  await using demo = startDemo(["--step", "clients/copy_stdin"], true);
  const next = [
    /\$ deno run clients\/copy_stdin.ts$/,
    /> hello$/,
    /(hello|6 bytes in 7 reads, .* s)$/,
    /(hello|6 bytes in 7 reads, .* s)$/,
    /\$ deno run clients\/copy_stdin.ts --size=4096$/,
    /> hello$/,
  ];
  for (const [index, line] of next.entries()) {
    if (index > 0) await demo.type("\n");
    await demo.until(() => countLines(demo) > index, AbortSignal.timeout(30_000));
    assertEquals(countLines(demo), index + 1, demo.describe());
    assertMatch(demo.stdout.trimEnd(), line);
    if (index > 0) continue;
    // It waits for as long as another demo takes to play all lines.
    assertEquals((await runDemo("clients/copy_stdin")).code, 0);
    assertEquals(countLines(demo), 1, demo.describe());
  }
  assertEquals(demo.code, undefined);
  await demo.endInput();
  assertEquals(await demo.exits(), 0, demo.describe());
  assertEquals(countLines(demo), 8, demo.describe());
  assertMatch(demo.stdout, /\n1 of 1 played as their transcripts say\n$/);
});

Deno.test("--slow pauses after each line", async () => {
  const times: number[] = [];
  const onPrint = () => void times.push(performance.now());
  const args = ["run", "--allow-all", "demo.ts", "--slow", "unix/dgram_send"];
  await using demo = new Process(args, false, onPrint);
  assertEquals(await demo.exits(), 0, demo.describe());
  // The first line comes with its heading, the last line before the result.
  const lines = countLines(demo);
  assert(lines >= 4, demo.describe());
  const [first = 0, last = 0] = [times[0], times.at(-1)];
  assert(last - first >= 900 * (lines - 1), `${lines} lines in ${last - first} ms`);
});

Deno.test("--help prints the demo's header, without a legend and permissions", async () => {
  const demo = await runDemo("--help");
  assertEquals([demo.code, demo.stderr], [0, ""]);
  assertMatch(demo.stdout, /^Plays the samples' transcripts/);
  assertMatch(
    demo.stdout,
    /\n\nUsage: deno task demo \[NAME\.\.\.\] \[OPTION\.\.\.\]\n {2}--step /,
  );
  assert(!/In the transcript:|Permissions/.test(demo.stdout), demo.stdout);
  assertEquals(demo.stdout.split("\n").filter((line) => line.length > 80), []);
});

Deno.test("the demo exits with 2 for an unknown option or name", async () => {
  for (
    const [args, says] of [
      [["--nosuchoption"], "unknown option --nosuchoption"],
      [["--step=yes"], "--step takes no value"],
      [["nosuchsample"], 'no sample has "nosuchsample" in its path'],
    ] as const
  ) {
    const demo = await runDemo(...args);
    assertEquals([demo.code, demo.stdout], [2, ""], demo.describe());
    assert(demo.stderr.startsWith(says), demo.describe());
    assertMatch(demo.stderr, /^Usage: deno task demo /m);
  }
});

Deno.test("the demo exits with 1 and names the sample that prints something else", async () => {
  const sample = "clients/copy_stdin.ts";
  await using folder = await temporaryFolder();
  const link = (path: string) => Deno.symlinkSync(`${root}${path}`, `${folder.path}/${path}`);
  for (const { name } of Deno.readDirSync(root)) {
    if (name !== "clients" && !name.startsWith(".")) link(name);
  }
  await Deno.mkdir(`${folder.path}/clients`);
  const names = [...Deno.readDirSync(`${root}clients`)].map(({ name }) => `clients/${name}`);
  for (const path of names) if (path !== sample) link(path);
  const source = await Deno.readTextFile(`${root}${sample}`);
  const changed = source.replace(" * hello\n", " * hullo\n");
  await Deno.writeTextFile(`${folder.path}/${sample}`, changed);

  await using demo = new Process(
    ["run", "--allow-all", `${folder.path}/demo.ts`, sample],
    false,
  );
  assertEquals(await demo.exits(), 1, demo.describe());
  assertMatch(demo.stdout, /\n0 of 1 played as their transcripts say\n$/);
  assertMatch(demo.stdout, /^ {2}differs: .*hullo/m);
  assertEquals(demo.stderr, `output differs from the transcript: ${sample}\n`);
});
