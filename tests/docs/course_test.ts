import { assert, assertEquals } from "@std/assert";
import { readSample, samplePaths } from "../../contract/header.ts";
import * as posix from "../../posix.ts";
import { blocks, linkedPrograms, read, sectionsOf, tableIn } from "../support/documents.ts";

// What docs/course.md, docs/deno_beside_c.md and docs/patterns.md say of the samples.

const course = "docs/course.md";
const besideC = "docs/deno_beside_c.md";
const patterns = "docs/patterns.md";

const map = tableIn(sectionsOf(course).get("The map") ?? "");

Deno.test(`${course}: the learning path has each sample once, and the map has the same order`, () => {
  const path = linkedPrograms(sectionsOf(course).get("The learning path") ?? "");
  assertEquals(path.toSorted(), samplePaths().toSorted());
  assertEquals(map.map(([sample = ""]) => linkedPrograms(sample)[0]), path);
});

for (const [sample = "", lecture = "", pair = "", teaches = ""] of map) {
  const [path = ""] = linkedPrograms(sample);
  Deno.test(`${course}: the map's row of ${path} agrees with the sample`, () => {
    assertEquals(sample, `[${path}](../${path})`);

    const lectures = sectionsOf(course).get("The lectures") ?? "";
    const [, source] = /^ \* From (.*)$/m.exec(read(path)) ?? [];
    if (lecture === "none") {
      assertEquals(source, undefined);
    } else {
      assert(lectures.includes(`- **${lecture}**: `), `${lecture} is not among the lectures`);
      assert(source?.includes(lecture), `its header says "From ${source}"`);
    }

    const partners = readSample(path).transcript.flatMap(({ words }) => words)
      .filter((word) => word !== path && samplePaths().includes(word));
    const [partner] = linkedPrograms(pair);
    if (partner === undefined) assertEquals([pair, partners], ["none", []]);
    else assert(partners.includes(partner), `${partner} is not in its transcript`);

    const same = map.filter(([, , , other]) => other === teaches);
    assert(teaches !== "" && same.length === 1, `"${teaches}" stands in ${same.length} rows`);
  });
}

/** A program without its header, which shows what other programs do, too. */
function codeOf(path: string): string {
  return read(path).replace(/\/\*\*\n[^]*? \*\/\n/, "");
}

/** The C calls that a program's comments name: `// socket, bind, listen`. */
function verbsOf(path: string): string {
  return (codeOf(path).match(/^ *\/\/ .*$/gm) ?? []).join("\n");
}

const hasWord = (text: string, word: string) => new RegExp(`\\b${word}\\b`).test(text);

const calls = `socket bind listen accept connect send recv sendto recvfrom shutdown close
  getaddrinfo getnameinfo inet_pton inet_ntop htons htonl ntohs ntohl setsockopt getsockopt
  select poll fork`.split(/\s+/);

const systemCalls = `select poll epoll_create1 epoll_ctl epoll_wait getsockopt recvmsg sendmsg
  recvmmsg sendmmsg socketpair fcntl O_NONBLOCK F_SETOWN sendfile sockatmark MSG_OOB SOCK_RAW`
  .split(/\s+/);

const requirePosix = sectionsOf(besideC).get("Calls that require posix.ts") ?? "";
const besidePosix = tableIn(requirePosix);
const posixSamples = samplePaths().filter((path) => path.startsWith("posix/"));
const beside = tableIn(read(besideC).replace(requirePosix, ""));

/** The names in backticks, each without its owner and its parentheses. */
const namesIn = (...cells: string[]) =>
  Array.from(cells.join(" ").matchAll(/`(?:\w+\.)?(\w+)(?:\(\))?`/g), ([, name]) => name ?? "");

Deno.test(`${besideC}: every call of the lectures has a row`, () => {
  assertEquals(beside.flatMap(([call = ""]) => namesIn(call)), calls);
  assertEquals(besidePosix.flatMap(([call = ""]) => namesIn(call)), systemCalls);
});

Deno.test(`${besideC}: posix.ts exports what the table names`, () => {
  const names = besidePosix.flatMap(([, , inLibrary = ""]) => namesIn(inLibrary));
  assertEquals(names.filter((name) => !(name in posix)), []);
});

for (const [call = "", inDeno = "", inLibrary = "", samples = ""] of [...beside, ...besidePosix]) {
  Deno.test(`${besideC}: the samples for ${call} contain it`, () => {
    if (samples === "none") {
      const isShown = (path: string) => namesIn(call).some((name) => hasWord(verbsOf(path), name));
      return assertEquals(posixSamples.filter(isShown), [], "samples that the row must link to");
    }
    const paths = linkedPrograms(samples);
    assert(paths.length > 0);
    for (const path of paths) {
      // Its name in C stands in a comment, or else what takes its place in the code.
      const verb = namesIn(call).find((name) => hasWord(verbsOf(path), name));
      const shown = verb ?? namesIn(inDeno, inLibrary).find((name) => hasWord(codeOf(path), name));
      assert(shown !== undefined, `${path} has none of ${namesIn(call, inDeno, inLibrary)}`);
    }
  });
}

for (const [heading, section] of sectionsOf(patterns)) {
  Deno.test(`${patterns}: ${heading} names the calls of its samples`, () => {
    const programs = linkedPrograms(section);
    assert(programs.length > 0);
    const verbs = programs.map(verbsOf).join("\n");
    const code = programs.map(codeOf).join("\n");
    const [diagram = ""] = blocks(section, "mermaid");
    assert(diagram.startsWith("sequenceDiagram\n"));
    for (const [, text = ""] of diagram.matchAll(/^ +\S.*?: (.*)$/gm)) {
      for (const [, call = ""] of text.matchAll(/(\w+)\(\)/g)) {
        assert(hasWord(code, call), `${text}: none of ${programs} calls it`);
      }
      const [, named = ""] = /^([a-z]+(?:, [a-z]+)*)(?:: |, at the end)/.exec(text) ?? [];
      for (const verb of named.split(", ").filter((verb) => verb !== "")) {
        assert(hasWord(verbs, verb), `${text}: no comment of ${programs} names ${verb}`);
      }
    }
  });
}
