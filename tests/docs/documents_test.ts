import { assert, assertEquals } from "@std/assert";
import * as cli from "../../cli.ts";
import * as library from "../../mod.ts";
import * as posix from "../../posix.ts";
import { root } from "../../contract/header.ts";
import { read } from "../support/documents.ts";

// All documents: every link has a target, and every call and every task that they name exists.

/** All documents, by their paths. */
const documents = new Map(
  [".", "docs", "contract"]
    .flatMap((folder) =>
      Array.from(Deno.readDirSync(`${root}${folder}`), ({ name }) => `${folder}/${name}`)
    )
    .filter((path) => path.endsWith(".md"))
    .map((path) => [path.replace(/^\.\//, ""), read(path)]),
);

/** The anchors that a document's headings get where it is read. */
function anchors(text: string): string[] {
  return Array.from(
    text.matchAll(/^#+ (.*)$/gm),
    ([, heading = ""]) => heading.toLowerCase().replace(/[^\w\- ]/g, "").replaceAll(" ", "-"),
  );
}

for (const [path, text] of documents) {
  Deno.test(`${path}: every link has an existing target`, () => {
    for (const [, target = ""] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      const [file = "", anchor] = target.split("#");
      const url = file === "" ? path : new URL(file, `file:///${path}`).pathname.slice(1);
      assert(isThere(`${root}${url}`), `${target}: no such file`);
      if (anchor === undefined) continue;
      assert(anchors(documents.get(url) ?? "").includes(anchor), `${target}: no such heading`);
    }
  });
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path) !== null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

Deno.test("every call that a document names in backticks exists", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using conn = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  using socket = await library.openDatagram(0);
  // What the first part of a name means: in the library, in Deno or the language, or an object.
  const known: object[] = [library, cli, posix, globalThis, { listener, conn, socket }];
  for (const [path, text] of documents) {
    for (const [, name = ""] of text.matchAll(/`([\w.]+)\(\)`/g)) {
      const found = known.some((scope) =>
        typeof name.split(".").reduce<unknown>(member, scope) === "function"
      );
      assert(found, `${path}: \`${name}()\``);
    }
  }
});

/** A member of an object or a class, `undefined` where there is none. */
function member(owner: unknown, name: string): unknown {
  return Reflect.get(Object(owner), name);
}

interface Configuration {
  version: string;
  tasks: Record<string, { command: string }>;
}

const { version, tasks }: Configuration = JSON.parse(read("deno.json"));

for (const [path, text] of documents) {
  Deno.test(`${path}: every task exists`, () => {
    for (const [, task = ""] of text.matchAll(/(?<=deno(?:@[\d.]+)? task )([a-z:]+)/g)) {
      assert(task in tasks, task);
    }
  });
}

Deno.test("no task adds Deno's progress bar to the output of its program", () => {
  const programs = Object.values(tasks).filter(({ command }) => command.includes("deno run"));
  assert(programs.length > 0);
  for (const { command } of programs) assert(command.startsWith("deno run -q "), command);
});

Deno.test("CHANGELOG.md: the newest version is that of deno.json", () => {
  const [, newest] = /^## (\S+) \(\d{4}-\d\d-\d\d\)$/m.exec(read("CHANGELOG.md")) ?? [];
  assertEquals(newest, version);
});
