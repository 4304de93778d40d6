import { assertEquals } from "@std/assert";
import { dirname, normalize } from "node:path";
import { root, sampleFolders } from "../contract/header.ts";

// The direction of imports: samples -> mod, cli, posix, protocols -> lib/posix -> lib/server -> lib/socket ->
// lib/io, lib/address -> lib/wire, and the tools and tests -> contract. No import goes back up, and none goes
// into tests/.

const folders = ["lib", "protocols", "contract", ...sampleFolders, "bench", "tests"];
const files = [
  "mod.ts",
  "cli.ts",
  "posix.ts",
  "demo.ts",
  "compile.ts",
  ...folders.flatMap(sourcesIn),
];

/** The TypeScript files in a folder and below it. */
function sourcesIn(folder: string): string[] {
  return [...Deno.readDirSync(`${root}${folder}`)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    if (isDirectory) return sourcesIn(path);
    return name.endsWith(".ts") ? [path] : [];
  });
}

/** What a file imports, as paths from the root; other modules by their names. Examples do not count. */
function importsOf(path: string): string[] {
  const code = Deno.readTextFileSync(`${root}${path}`).replace(/^ *\/\*\*[^]*?\*\//gm, "");
  const found = code.matchAll(/^(?:import|export)\s[^;]*?from "([^"]+)"|\bimport\("([^"]+)"\)/gm);
  return Array.from(found, ([, fixed, dynamic]) => {
    const name = fixed ?? dynamic ?? "";
    return name.startsWith(".") ? normalize(`${dirname(path)}/${name}`) : name;
  });
}

const graph = new Map(files.map((path) => [path, importsOf(path)]));

/** Where the files of a folder may import from: the beginnings of paths and names. */
const allowed: Record<string, string[]> = {
  "lib/wire/": ["lib/wire/"],
  "lib/address/": ["lib/address/", "lib/wire/", "lib/errors.ts", "node:dns/promises"],
  "lib/io/": ["lib/io/", "lib/wire/", "lib/errors.ts", "lib/printable.ts"],
  "lib/socket/": ["lib/socket/", "lib/io/", "lib/address/", "lib/wire/", "lib/errors.ts", "node:"],
  "lib/server/": ["lib/server/", "lib/socket/", "lib/io/", "lib/address/", "lib/errors.ts"],
  "lib/posix/": [
    "lib/posix/",
    "node:net",
    "lib/server/",
    "lib/socket/",
    "lib/io/",
    "lib/address/",
    "lib/wire/",
    "lib/errors.ts",
  ],
  "lib/cli/": ["lib/"],
  "lib/errors.ts": [],
  "lib/printable.ts": [],
  "mod.ts": ["lib/"],
  "cli.ts": ["lib/cli/", "lib/io/"],
  "posix.ts": ["lib/posix/"],
  "protocols/": ["mod.ts", "cli.ts"],
  "servers/": ["mod.ts", "cli.ts", "protocols/", "servers/"],
  "clients/": ["mod.ts", "cli.ts", "protocols/", "clients/"],
  "unix/": ["mod.ts", "cli.ts", "protocols/", "unix/"],
  "posix/": ["mod.ts", "cli.ts", "posix.ts", "protocols/", "posix/"],
  "contract/": ["contract/", "mod.ts", "cli.ts"],
  "demo.ts": ["contract/", "mod.ts", "cli.ts", "lib/cli/wrap.ts", "demo.ts"],
  "compile.ts": ["contract/", "mod.ts", "cli.ts", "compile.ts"],
  "bench/": ["bench/", "contract/", "lib/", "mod.ts", "cli.ts", "protocols/", "node:"],
};

for (const [where, targets] of Object.entries(allowed)) {
  Deno.test(`${where} imports only from lower layers`, () => {
    const wrong = files.filter((path) => path.startsWith(where)).flatMap((path) =>
      graph.get(path)?.filter((name) =>
        !name.startsWith("@std/") && !targets.some((target) => name.startsWith(target))
      ).map((name) => `${path} imports ${name}`) ?? []
    );
    assertEquals(wrong, []);
  });
}

Deno.test("only posix.ts imports lib/posix/", () => {
  const others = files.filter((path) =>
    path !== "posix.ts" && !/^(?:lib\/posix|tests)\//.test(path)
  );
  const wrong = others.filter((path) =>
    graph.get(path)?.some((name) => name.startsWith("lib/posix/"))
  );
  assertEquals(wrong, []);
});

Deno.test("a sample imports no other sample, except its own worker", () => {
  const samples = files.filter((path) => sampleFolders.includes(dirname(path).split("/")[0] ?? ""));
  const others = samples.flatMap((path) =>
    graph.get(path)?.filter((name) => samples.includes(name) && name !== path)
      .map((name) => `${path} imports ${name}`) ?? []
  );
  assertEquals(others, [
    "servers/tcp_echo_prefork.ts imports servers/workers/tcp_echo.ts",
    "posix/udp_echo_prefork.ts imports posix/workers/udp_echo.ts",
  ]);
});

Deno.test("there are no import cycles", () => {
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, above: string[]) => {
    if (above.includes(path)) {
      circles.push([...above.slice(above.indexOf(path)), path].join(" -> "));
    }
    if (done.has(path)) return;
    done.add(path);
    // A sample imports its own text, which is not a module.
    for (const name of graph.get(path) ?? []) if (name !== path) visit(name, [...above, path]);
  };
  for (const path of files) visit(path, []);
  assertEquals(circles, []);
});

/** The functions by which a library prints, exits or reads the command line, and where they are allowed. */
const exceptions: Record<string, RegExp> = {
  "lib/cli/": /./, // a program's own
  "lib/server/signals.ts": /^Deno\.exit$/, // at the second signal
  "lib/io/line_printer.ts": /^Deno\.(stdout|stderr)$/, // the printers that cli.ts exports, and logError()
};

Deno.test("the library does not print, exit, or read the command line", () => {
  const found: string[] = [];
  for (const path of files.filter((path) => path.startsWith("lib/"))) {
    const code = Deno.readTextFileSync(`${root}${path}`).replace(/\/\*\*[^]*?\*\/|\/\/.*$/gm, "");
    for (const [name] of code.matchAll(/\bconsole\.\w+|\bDeno\.(?:args|exit|stdout|stderr)\b/g)) {
      const isAllowed = Object.entries(exceptions)
        .some(([where, names]) => path.startsWith(where) && names.test(name));
      if (!isAllowed) found.push(`${path}: ${name}`);
    }
  }
  assertEquals(found, []);
});

Deno.test("the library loads modules of Node only where they are needed", () => {
  // node:fs and node:path alone would double the time that a program takes to start.
  const loads = files.filter((path) => path.startsWith("lib/")).filter((path) =>
    /^import (?!type )[^;]*? from "node:/m.test(Deno.readTextFileSync(`${root}${path}`))
  );
  assertEquals(loads, []);
});
