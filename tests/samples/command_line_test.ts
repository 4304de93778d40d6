import { assert, assertEquals } from "@std/assert";
import { freePort } from "../../contract/ports.ts";
import { Process, temporaryFolder } from "../../contract/process.ts";
import { type Outcome, tryCommandLines } from "../support/command_lines.ts";
import { withLibc } from "../../contract/libc.ts";
import { testWith } from "../support/test_with.ts";
import { isServer, readSample, root, samplePaths } from "../../contract/header.ts";

// Every sample: its command line, and its error message when a call fails.

/** A sample's command line, as its header describes it. */
interface Syntax {
  path: string;
  /** The first line of the program. */
  shebang: string;
  /** The whole header, without the fences of its transcript. */
  header: string;
  /** The transcript in it. */
  transcript: string;
  /** Its paragraph that begins with "Usage:". */
  usage: string;
  /** The operands' names, in order; the last may be a list, `N...`. */
  operands: string[];
  /** The operands as the usage shows them: `[host]` if there is a default. */
  written: string[];
  /** The operands that may be empty: required text. */
  mayBeEmpty: string[];
  /** The options' names and the placeholders of their values: `["--grace", "SECONDS"]`. */
  options: [name: string, value: string | undefined][];
  /** The arguments in its transcript: valid operands, then options. */
  given: string[];
}

function readSyntax(path: string): Syntax {
  const source = Deno.readTextFileSync(`${root}${path}`);
  const [, comment = ""] = /^\/\*\*\n([^]*?)^ \*\/$/m.exec(source) ?? [];
  const doc = comment.replace(/^ \* ?/gm, "").replace("@module", "").trimEnd();
  const [, transcript = ""] = /^```console\n([^]*?)^```$/m.exec(doc) ?? [];
  const usage = doc.split("\n\n").find((paragraph) => paragraph.startsWith("Usage: "));
  const [call = "", ...others] = usage?.split("\n") ?? [];
  const [, called, ...words] = call.replace(/ \[?-[a-z]+( [A-Z]+)?\]?/g, "").split(" ");
  assert(usage !== undefined && called === path, `${path}: the usage in its header`);
  const operands = words.filter((word) => word !== "[OPTION...]");
  const options = others.flatMap((line): Syntax["options"] => {
    const [, name, value] = /^ {2}(--?[a-z-]+)(?: ([A-Z]+|\w+(?:\|\w+)+))?/.exec(line) ?? [];
    return name === undefined ? [] : [[name, value]];
  });
  const own = readSample(path).transcript.find(({ words }) => words[0] === path);
  const given = own?.words.slice(1) ?? [];
  // Options may follow the operands.
  for (const [name, value] of options) {
    if (given[0] === name) given.push(...given.splice(0, value === undefined ? 1 : 2));
  }
  assert(given.length >= operands.length, `${path}: its transcript gives only ${given}`);
  return {
    path,
    shebang: source.slice(0, source.indexOf("\n")),
    header: doc.replace(/^```.*\n?/gm, ""),
    transcript,
    usage,
    written: operands,
    mayBeEmpty: operands.filter((word) => /^(?!host$|port$)\w/.test(word)),
    operands: operands.map((word) => word.replace(/^\[(.*)\]$/, "$1")),
    options,
    given,
  };
}

/** Runs a sample, with a line on its stdin. */
async function run(path: string, args: string[], flags: string[] = []): Promise<Process> {
  await using process = new Process(["run", ...flags, path, ...args], true);
  await process.type("hello\n");
  await process.endInput();
  await process.exits();
  return process;
}

/** Whether a message is free of stack traces and error codes. */
function isPlain(stderr: string): boolean {
  return !/^ +at |os error|\bE(?!RROR)[A-Z]{4,}\b/m.test(stderr);
}

const badPorts: [port: string, says: string][] = [
  ["70000", "port 70000"],
  ["65536", "port 65536"],
  ["-1", "-1"],
  ["80.5", '"80.5"'],
  [" 80", '" 80"'],
  ["0x50", '"0x50"'],
  ["", "a value is missing"],
  ["nosuchservice", '"nosuchservice"'],
];

const notHosts = [
  "127.0.0.256",
  "1.2.3.4.5",
  "two words",
  "127.0.0.1:80",
  "::g",
  "-",
  "x".repeat(254),
];

/** Invalid hosts, by the operand. Two programs name theirs as their lecture does. */
const badHosts: Record<string, string[]> = {
  host: notHosts,
  "[host]": notHosts,
  "[ip]": notHosts,
  "[address]": notHosts,
  "[group]": ["127.0.0.1", "localhost", "239.0.0.256", "::1", "x"],
};

/** Invalid values, by the placeholder in the usage. */
const badValues: Record<string, string[]> = {
  ADDRESS: ["127.0.0.256", "two words", "--nosuchoption"],
  OP: ["-", "++", "x"],
  N: ["0", "x", "-3", "1.5", "1e3", "12345678901234567890"],
  BYTES: ["x", "-3", "1.5", "1e3", "12345678901234567890"],
  SECONDS: ["-1", "x", "1e3", "1s", "Infinity"],
};

/** A sample's wrong command lines, each with what the error must contain. */
function* wrongCommandLines(syntax: Syntax): Generator<[args: string[], says: string]> {
  const { path, operands, written, mayBeEmpty, options, given } = syntax;
  yield [[...given, "--nosuchoption"], "--nosuchoption"];
  yield [["--nosuchoption=1", ...given], "--nosuchoption"];
  yield [[...given, "-Z"], "-Z"];
  if (path !== "clients/tcp_echo_word.ts") yield [[...given, "extra"], '"extra"']; // see below
  for (const [index, operand] of operands.entries()) {
    if (!mayBeEmpty.includes(operand)) {
      yield [given.with(index, ""), `${operand}: a value is missing`];
    }
    if (operand !== "port" && operand !== "service") continue;
    for (const [port, says] of badPorts) yield [given.with(index, port), says];
  }
  for (const [index, operand] of written.entries()) {
    for (const bad of badHosts[operand] ?? []) {
      yield [given.with(index, bad), `${operands[index]}: ${JSON.stringify(bad)} is n`];
    }
  }
  for (const [name, value] of options) {
    if (value === undefined) {
      yield [[...given, `${name}=no`], name];
      continue;
    }
    yield [[...given, name], name];
    yield [[...given, `${name}=`], name];
    yield [[...given, name, "--nosuchoption"], "--nosuchoption"];
    for (const bad of badValues[value] ?? []) {
      yield [[...given, `${name}=${bad}`], `${name}: "${bad}"`];
      yield [[...given, name, bad], `${name}: "${bad}"`];
    }
  }
}

/** The words of a text, however its lines are wrapped. */
const wordsOf = (text: string): string[] => text.split(/\s+/).filter((word) => word !== "");

/** The signs that the legend explains, each if the transcript matches. */
const legend: [sign: string, where: RegExp][] = [
  ["$", /^/],
  [">", /^/],
  ["!", /^/],
  ["*", /^/],
  ["\\", /\\$/m],
  ["^C", /^\^C$/m],
  ["^D", /^\^D$/m],
  ["[exit N]", /^\[exit /m],
];

/** The legend's last line. */
const dashes = 'A word after "--" is an operand, even if it begins with a dash.';

const samples = samplePaths().map(readSyntax);

/** The wrong command lines of all samples. */
const wrong = samples.flatMap((syntax) =>
  Array.from(wrongCommandLines(syntax), ([args, says]) => ({ path: syntax.path, args, says }))
);
type Wrong = typeof wrong[number];

const NONE: Outcome = { status: 0, message: "it was not tried" };
let tried: Promise<Map<Wrong, Outcome>> | undefined;

/** The outcome of each, in one process for all. */
function rejections(): Promise<Map<Wrong, Outcome>> {
  tried ??= tryCommandLines(wrong.map(({ path, args }) => [path, args]))
    .then((outcomes) => new Map(wrong.map((line, index) => [line, outcomes[index] ?? NONE])));
  return tried;
}

for (const syntax of samples) {
  const { path, shebang, header, transcript, usage, given } = syntax;

  let helped: Promise<Process> | undefined;
  const help = () => helped ??= run(path, ["--help"]);

  Deno.test(`${path} --help prints its header, its flags and a legend`, async () => {
    const { code, stdout, stderr } = await help();
    assertEquals([code, stderr], [0, ""]);
    const words = wordsOf(stdout.replace(/^Defaults: .*$/m, ""));
    assertEquals(words.slice(0, wordsOf(header).length), wordsOf(header));
    assert(stdout.includes(`\n\n${transcript}\n`), stdout);
    assert(stdout.includes(`\n  ${shebang}\n`), stdout);
    const explained = legend.filter(([, where]) => where.test(transcript)).map(([sign]) => sign);
    const [, rows = ""] = /^In the transcript:\n((?: .*\n)*)/m.exec(stdout) ?? [];
    assertEquals(Array.from(rows.matchAll(/^ {2}(.+?) {2}/gm), ([, sign]) => sign), explained);
    assert(stdout.endsWith(`\n\n${dashes}\n`), stdout);
  });

  Deno.test(`${path} --help is at most 80 columns wide`, async () => {
    const { stdout } = await help();
    const text = stdout.replace(transcript, "").replace(shebang, "");
    assertEquals(text.split("\n").filter((line) => line.length > 80), []);
  });

  Deno.test(`${path} prints its help wherever --help stands among the options`, async () => {
    const expected = await help();
    await Promise.all([[...given, "--help"], ["--help", "--nosuchoption"]].map(async (args) => {
      const { code, stdout, stderr } = await run(path, args);
      assertEquals([code, stdout, stderr], [0, expected.stdout, ""], `${args}`);
    }));
  });

  // Without any permission: the command line is parsed before anything else is done.
  Deno.test(`${path} rejects a wrong command line`, async () => {
    const outcomes = await rejections();
    const accepted = wrong.filter((line) => line.path === path)
      .map((line) => ({ ...line, ...outcomes.get(line) ?? NONE }))
      .filter(({ status, message, says }) => {
        const [complaint = ""] = message.split("\n");
        return status !== 2 || !isPlain(message) || !complaint.includes(says);
      });
    assertEquals(accepted, []);
  });

  Deno.test(`${path} prints its whole usage after a wrong command line`, async () => {
    const { code, stdout, stderr } = await run(path, ["--nosuchoption"]);
    assertEquals([code, stdout], [2, ""]);
    const complaint =
      'unknown option --nosuchoption; to pass it as an operand, write "--" before it';
    assertEquals(wordsOf(stderr), wordsOf(`${complaint} ${usage}`));
    const [first, ...others] = stderr.split("\n");
    assertEquals(first, complaint);
    assertEquals(others.filter((line) => line.length > 80), []);
  });
}

Deno.test("a wrong number of operands is reported as in the lecture, where it defines a message", async () => {
  const parameters = "Parameter(s): <Server Address> <Echo Word> [<Server Port>]\n";
  const cases: [path: string, args: string[], code: number, says: string][] = [
    [
      "servers/tcp_message.ts",
      [],
      1,
      "ERROR, no port provided\nUsage: servers/tcp_message.ts port\n",
    ],
    ["clients/tcp_message.ts", [], 2, "usage clients/tcp_message.ts hostname port\n"],
    ["clients/tcp_message.ts", [""], 2, "usage clients/tcp_message.ts hostname port\n"],
    ["clients/tcp_echo_word.ts", [], 1, parameters],
    ["clients/tcp_echo_word.ts", [""], 1, parameters],
    ["clients/tcp_echo_word.ts", ["127.0.0.1", "hello", "7", "extra"], 1, parameters],
  ];
  for (const [path, args, code, says] of cases) {
    const process = await run(path, args);
    assertEquals(
      [process.code, process.stdout, process.stderr],
      [code, "", says],
      `${path} ${args}`,
    );
  }
});

Deno.test("--help after -- is an operand", async () => {
  const process = await run("clients/tcp_echo_word.ts", ["localhost", "--", "--help"]);
  const says = "inet_pton() failed: invalid address string\n";
  assertEquals([process.code, process.stdout, process.stderr], [1, "", says]);
});

/** The arguments in a sample's transcript, but with another address. */
function withAddress({ operands, given }: Syntax, host: string, port: string): string[] {
  return given.map((arg, index) => {
    const operand = operands[index];
    return operand === "host" ? host : operand === "port" || operand === "service" ? port : arg;
  });
}

/**
 * Asserts that a sample fails with status 1 and one line, which `pattern` matches. Besides `flags`, it has
 * the permissions of its header other than the network.
 */
async function assertFails(
  path: string,
  args: string[],
  flags: string[],
  pattern: string,
): Promise<void> {
  const others = readSample(path).flags.filter((flag) => !flag.startsWith("--allow-net="));
  const process = await run(path, args, [...flags, ...others]);
  const { code, stdout, stderr } = process;
  const right = code === 1 && stdout === "" && RegExp(`^${pattern}\n$`).test(stderr);
  assert(right && isPlain(stderr), `${path} ${JSON.stringify(args)} ${process.describe()}`);
}

/** A port on which no server listens, and none can: a client has it. */
async function deafPort(): Promise<{ port: string } & AsyncDisposable> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  return {
    port: `${client.localAddr.port}`,
    [Symbol.asyncDispose]: async () => {
      client.close();
      (await listener.accept()).close();
      listener.close();
    },
  };
}

const onHosts = samples.filter(({ operands }) => operands[0] === "host");
const servers = onHosts.filter(({ path }) => isServer(path));
const clients = onHosts.filter(({ path }) => path.startsWith("clients/"));

for (const syntax of onHosts) {
  const { path } = syntax;
  const { needs } = readSample(path);

  testWith(needs, `${path} fails in one line for an unknown host`, async () => {
    const args = withAddress(syntax, "name.invalid", "7");
    // The system calls use numeric addresses, and no --allow-net.
    if (path.startsWith("posix/")) return await assertFails(path, args, [], ".*name.invalid.*");
    const call = ".*(bind|connect|getaddrinfo) name.invalid(:7)?";
    await assertFails(path, args, ["--allow-net=name.invalid"], `${call}: .+`);
    const refused = "permission not granted, requires --allow-net=name.invalid(:7)?";
    await assertFails(path, args, [], `(${call}|fork): ${refused}`);
  });
}

for (const syntax of servers) {
  const { path } = syntax;
  const { needs } = readSample(path);

  testWith(
    needs,
    `${path} fails in one line for an address that this host does not have`,
    async () => {
      const args = withAddress(syntax, "192.0.2.1", "0");
      const pattern = "bind 192.0.2.1:0: (Cannot|Can't) assign requested address";
      await assertFails(path, args, ["--allow-net=192.0.2.1"], pattern);
    },
  );

  testWith(needs, `${path} fails in one line for a port that is in use`, async () => {
    const anyPort = { hostname: "127.0.0.1", port: 0 };
    const socket = path.includes("/udp_")
      ? Deno.listenDatagram({ transport: "udp", ...anyPort })
      : Deno.listen(anyPort);
    const { port } = socket.addr as Deno.NetAddr;
    const args = withAddress(syntax, "127.0.0.1", `${port}`);
    const pattern = `bind 127.0.0.1:${port}: Address already in use`;
    await assertFails(path, args, [`--allow-net=127.0.0.1:${port}`], pattern);
    socket.close();
  });
}

for (const syntax of clients.filter(({ path }) => path.includes("/tcp_"))) {
  const { path } = syntax;

  Deno.test(`${path} fails in one line if no server listens`, async () => {
    await using deaf = await deafPort();
    const args = withAddress(syntax, "127.0.0.1", deaf.port);
    const pattern = `connect 127.0.0.1:${deaf.port}: Connection refused`;
    await assertFails(path, args, [`--allow-net=127.0.0.1:${deaf.port}`], pattern);
  });
}

Deno.test("the Unix samples fail in one line for a path that they cannot use", async () => {
  await using folder = await temporaryFolder();
  const at = (name: string) => `${folder.path}/${name}`;
  const listener = Deno.listen({ transport: "unix", path: at("listener") });
  await Deno.rename(at("listener"), at("stale")); // close() removes the file at the old path
  listener.close();
  const tooLong = "x".repeat(108);
  const cases: [sample: string, call: string, name: string, cause: string][] = [
    ["unix/stream_echo_client.ts", "connect", "missing", "No such file or directory"],
    ["unix/stream_echo_client.ts", "connect", "stale", "Connection refused"],
    ["unix/stream_echo_client.ts", "connect", tooLong, ".+"],
    ["unix/stream_echo_server.ts", "bind", "no/folder", "No such file or directory"],
    ["unix/stream_echo_server.ts", "bind", tooLong, ".+"],
  ];
  for (const [sample, call, name, cause] of cases) {
    const path = at(name);
    const flags = [`--allow-net=unix:${path}`, `--allow-read=${path}`, `--allow-write=${path}`];
    await assertFails(sample, [path], flags, `${call} ${path}: ${cause}`);
  }
});

/** The flags that an error names. */
function namedFlags({ stderr }: Process): string[] {
  const [, flags = ""] =
    /^(?:.*: )?permission not granted, requires (--allow-.*)\n$/.exec(withLibc(stderr)) ?? [];
  // Other words name the C library's paths on other distributions.
  return flags.split(" ").filter((word) => word.startsWith("--allow-"));
}

/** The single permissions of flags, with paths relative to the project's root. */
function grants(flags: string[]): string[] {
  return flags.flatMap((flag) => {
    const [name = "", scopes = ""] = flag.split(/=(.*)/);
    return scopes.replaceAll(root, "").split(",").map((scope) => `${name}=${scope}`);
  }).sort();
}

const unknownClients =
  "a client's port is known when it sends, so the header grants the whole host";

/** The samples that cannot name all their flags in one error: those that they name, and the reason. */
const namesLess: Record<string, { names: string[]; because: string }> = {
  "servers/tcp_echo_lines.ts": {
    names: ["--allow-net=127.0.0.1:7008"],
    because: unknownClients,
  },
  "servers/udp_calculator.ts": { names: ["--allow-net=[::1]:10000"], because: unknownClients },
  "servers/udp_echo.ts": { names: ["--allow-net=127.0.0.1:7017"], because: unknownClients },
  "servers/udp_echo_prefork.ts": { names: ["--allow-net=127.0.0.1:7018"], because: unknownClients },
  "servers/udp_sum.ts": { names: ["--allow-net=127.0.0.1:7027"], because: unknownClients },
  "unix/dgram_echo_server.ts": {
    names: [
      "--allow-net=unix:/tmp/dgram_echo.sock",
      "--allow-read=/tmp/dgram_echo.sock",
      "--allow-write=/tmp/dgram_echo.sock",
    ],
    because: "a client's path is known when it sends",
  },
  "clients/resolve.ts": {
    names: ["--allow-net=localhost"],
    because: "the header grants what two command lines need, and this is the first",
  },
  "clients/tcp_echo_word.ts": {
    names: ["--allow-net=127.0.0.1:7007"],
    because: "the header grants what two command lines need, and this is the first",
  },
};

for (const syntax of samples) {
  const { path, given } = syntax;
  const { names, because } = namesLess[path] ?? {};
  const { flags: inShebang, needs } = readSample(path);
  if (inShebang.length === 0) continue;

  testWith(
    needs,
    `${path} without permissions names its flags${because ? `, but: ${because}` : ""}`,
    async () => {
      const process = await run(path, given);
      assertEquals(process.code, 1, process.describe());
      const named = grants(namedFlags(process));
      const inHeader = grants(inShebang);
      assertEquals(named, names ?? inHeader, process.describe());
      assert(
        names === undefined || named.join() !== inHeader.join(),
        "it is no exception any more",
      );
    },
  );

  testWith(needs, `${path} runs with the flags that it names`, async (folder) => {
    await using deaf = await deafPort();
    const args = /^(?:unix\/|posix\/abstract_)/.test(path)
      ? [`${folder}/socket`]
      : withAddress(syntax, "127.0.0.1", isServer(path) ? `${freePort()}` : deaf.port);
    const flags = namedFlags(await run(path, args));
    assert(flags.length > 0, "it named no flags");
    await using process = new Process(["run", ...flags, path, ...args], true);
    await process.type("hello\n");
    await process.endInput();
    const said = () => process.code !== undefined || process.stdout + process.stderr !== "";
    assert(await process.until(said, AbortSignal.timeout(30_000)), process.describe());
    assert(!process.stderr.includes("permission"), `with ${flags} ${process.describe()}`);
  });
}

Deno.test("servers/tcp_echo_prefork.ts in another directory names the flags that it needs", async () => {
  await using folder = await temporaryFolder();
  const path = "servers/tcp_echo_prefork.ts";
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", ...readSample(path).flags, `${root}${path}`],
    cwd: folder.path,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const modules = ["servers/workers", "lib", "protocols", "cli.ts", "mod.ts"].map((module) =>
    `${root}${module}`
  );
  const says = `fork: permission not granted, requires --allow-read=${modules}\n`;
  const decoder = new TextDecoder();
  assertEquals([code, decoder.decode(stdout), decoder.decode(stderr)], [1, "", says]);
});
