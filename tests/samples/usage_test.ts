import { assert, assertEquals } from "@std/assert";
import { readSample, root, samplePaths } from "../../contract/header.ts";
import { Process } from "../../contract/process.ts";
import { runWithMains } from "../support/mains.ts";

// Every sample's usage, in its header, against the syntax that it gives to `main`.

/** An operand or an option. */
interface Argument {
  name: string;
  /** `null` for a flag, a list, or what must be given. */
  default: unknown;
}

interface Syntax {
  operands: Argument[];
  options: Argument[];
}

/** Reads the syntaxes that the samples pass to `main`. */
async function readSyntaxes(): Promise<Record<string, Syntax>> {
  return await runWithMains(
    `const list = (args = {}) => Object.entries(args).map(([name, value]) => ({
      name,
      default: value?.parse ? value.default ?? null : typeof value === "string" ? value : null,
    }));
    const syntaxes = {};
    for (const path of input) {
      const { syntax: { operands, options } } = await mainOf(path);
      syntaxes[path] = { operands: list(operands), options: list(options) };
    }
    return syntaxes;`,
    samplePaths(),
  );
}

/** The operands and options that a usage names, in its order. */
function readUsage(path: string): Syntax {
  const source = Deno.readTextFileSync(`${root}${path}`);
  const [, call = "", below = ""] = /^ \* Usage: \S+(.*)\n((?: \* {3}.*\n)*)/m.exec(source) ?? [];
  const words = call.replace(/ \[?-[a-z]+( [A-Z]+)?\]?/g, "").replace(" [OPTION...]", "")
    .split(" ").slice(1);
  const lines = below.replace(/\n \* {5,}/g, " ").split("\n").filter((line) => line !== "");
  return {
    operands: words.map((word) => ({ name: word.replace(/^\[(.*)\]$/, "$1"), default: word })),
    options: lines.map((line) => {
      const [, option = "", value] = /^ \* {3}--?([a-z-]+)(?: (\S+))? {2}/.exec(line) ?? [];
      const name = option.replace(/-([a-z])/g, (_, letter) => letter.toUpperCase());
      const [, written] = /\(([^()]*)\)$/.exec(line) ?? [];
      return { name, default: value === undefined ? null : readDefault(value, written) };
    }),
  };
}

/** A default as it is written in a usage. */
function readDefault(value: string, written: string | undefined): unknown {
  if (written === undefined) return null;
  if (value === "MODE") return parseInt(written, 8);
  if (value === "SECONDS") return Number(written) * 1000;
  return ["N", "BYTES"].includes(value) ? Number(written) : written;
}

/** Where the default in the usage is not that of the syntax, with the reason. */
const exceptions: Record<string, string> = {
  "servers/udp_multicast.ts --interface": "the default depends on the group",
};

/** Where the transcript's first command gives an operand another value than its default. */
const otherOperands: Record<string, string> = {
  "clients/tcp_echo_word.ts port": "few machines listen on the port of the echo service",
};

const syntaxes = await readSyntaxes();

for (const [path, syntax] of Object.entries(syntaxes)) {
  const usage = readUsage(path);

  Deno.test(`${path} has in its usage the options of its syntax, and their defaults`, () => {
    const options = syntax.options.map((option) => {
      const isException = `${path} --${option.name}` in exceptions;
      const written = usage.options.find(({ name }) => name === option.name);
      return isException ? { ...option, default: written?.default } : option;
    });
    assertEquals(usage.options, options);
  });

  Deno.test(`${path} has in its usage the operands of its syntax`, () => {
    const words = syntax.operands.map(({ name, default: value }) =>
      value === null ? name : `[${name}]`
    );
    const written = usage.operands.map(({ default: word }) => word === "N..." ? "numbers" : word);
    assertEquals(written, words);
  });

  Deno.test(`${path} has in its transcript the operands' defaults`, () => {
    const own = readSample(path).transcript.find(({ words }) => words[0] === path);
    const given = own?.words.slice(1).filter((word) => !word.startsWith("-")) ?? [];
    for (const [index, operand] of syntax.operands.entries()) {
      if (operand.default === null || `${path} ${operand.name}` in otherOperands) continue;
      assertEquals(given[index], `${operand.default}`, operand.name);
    }
  });
}

for (const [path, { operands }] of Object.entries(syntaxes)) {
  Deno.test(`${path} --help prints the operands' defaults below the usage`, async () => {
    await using process = new Process(["run", path, "--help"], false);
    assertEquals(await process.exits(), 0, process.describe());
    const defaults = operands.filter((operand) => operand.default !== null)
      .map((operand) => `${operand.name} ${operand.default}`);
    const [, printed = ""] = /^Usage: (?:.+\n)+\nDefaults: (.*)$/m.exec(process.stdout) ?? [];
    assertEquals(printed, defaults.join(", "), process.describe());
  });
}

Deno.test("every exception names an argument of a sample", () => {
  for (const exception of [...Object.keys(exceptions), ...Object.keys(otherOperands)]) {
    const [path = "", name = ""] = exception.split(" ");
    const { operands = [], options = [] } = syntaxes[path] ?? {};
    const names = [...operands.map(({ name }) => name), ...options.map(({ name }) => `--${name}`)];
    assert(names.includes(name), exception);
  }
});
