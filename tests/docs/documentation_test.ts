import { assertEquals } from "@std/assert";
import { root } from "../../contract/header.ts";

// The part of the output of `deno doc --json` that the tests use.
interface Declaration {
  kind: string;
  jsDoc?: JsDoc;
  def: Callable & { constructors?: Method[]; methods?: Method[] };
}

interface JsDoc {
  doc?: string;
  tags?: { kind: string; name?: string; doc?: string }[];
}

interface Callable {
  params?: Parameter[];
  returnType?: { repr?: string };
}

/** A constructor or a method; a class's method has its parameters in `functionDef`. */
interface Method extends Callable {
  name: string;
  jsDoc?: JsDoc;
  functionDef?: Callable;
}

/** A parameter, one with a default, or a rest parameter. */
interface Parameter {
  kind: string;
  name?: string;
  optional?: boolean;
  left?: { name?: string };
  arg?: { name?: string };
}

interface PublicSymbol {
  name: string;
  declarations: Declaration[];
}

interface Documentation {
  nodes: Record<string, { module_doc: JsDoc; symbols: PublicSymbol[] }>;
}

// The categories of the reference, in which the overview of each module lists its functions, classes and
// constants. `deno doc --html` itself groups symbols by kind.
const categories: Record<string, string[]> = {
  "mod.ts": [
    "Sockets",
    "Streams",
    "Framing",
    "Servers",
    "Addresses",
    "Byte order and records",
    "Errors and text",
  ],
  "cli.ts": ["Program", "Arguments", "Servers", "Output"],
  "posix.ts": [
    "Sockets",
    "Transfers",
    "Messages",
    "Options",
    "Multiplexing",
    "Servers",
    "Bridges",
    "Descriptors",
    "Errors",
    "Constants",
  ],
};

const { stdout } = new Deno.Command(Deno.execPath(), {
  args: ["doc", "--json", ...Object.keys(categories)],
  cwd: root,
}).outputSync();
const documentation: Documentation = JSON.parse(new TextDecoder().decode(stdout));
const symbols = Object.values(documentation.nodes).flatMap(({ symbols }) => symbols);

function isInternal({ jsDoc }: Method): boolean {
  return jsDoc?.tags?.some(({ kind }) => kind === "internal") ?? false;
}

/** What the documentation of a function or method omits. */
function missing(jsDoc: JsDoc | undefined, { params = [], returnType }: Callable): string[] {
  const tags = jsDoc?.tags ?? [];
  const left: string[] = [];
  for (const param of params) {
    // A parameter that is destructured has no name, and the reference calls it arg_0.
    const name = param.name ?? param.left?.name ?? param.arg?.name ?? "arg_0";
    const tag = tags.find((tag) => tag.name === name);
    if (tag === undefined) left.push(`@param ${name}`);
    // An interface of options has a default for each option.
    const hasDefault = param.kind === "assign" || param.optional === true;
    if (hasDefault && !/Default|^See \{@linkcode \w+Options\}/.test(tag?.doc ?? "")) {
      left.push(`the default of ${name}`);
    }
  }
  const isVoid = /^(void|never|Promise)?$/.test(returnType?.repr ?? "");
  if (!isVoid && !tags.some(({ kind }) => kind === "return")) left.push("@returns");
  return left;
}

Deno.test("every public symbol is documented, with its parameters, their defaults and its result", () => {
  const left: string[] = [];
  for (const { name, declarations } of symbols) {
    for (const { kind, jsDoc, def } of declarations) {
      if (!jsDoc?.doc) left.push(`${name}: no documentation`);
      if (kind === "function") left.push(...missing(jsDoc, def).map((tag) => `${name}: ${tag}`));
      for (const method of [...def.constructors ?? [], ...def.methods ?? []]) {
        if (isInternal(method)) continue;
        const lacks = missing(method.jsDoc, method.functionDef ?? method);
        left.push(...lacks.map((tag) => `${name}.${method.name}: ${tag}`));
      }
    }
  }
  assertEquals(left, []);
});

Deno.test("every public function and class has an example, or refers to one", () => {
  const names = new Set(symbols.map(({ name }) => name));
  const left: string[] = [];
  for (const { name, declarations } of symbols) {
    for (const { kind, jsDoc } of declarations) {
      if (kind !== "function" && kind !== "class") continue;
      const hasExample = jsDoc?.tags?.some((tag) => tag.kind === "example");
      const elsewhere = JSON.stringify(jsDoc).match(/See \{@linkcode (\w+)\} for an\s*example/)
        ?.[1];
      if (!hasExample && !names.has(elsewhere ?? "")) left.push(name);
    }
  }
  assertEquals(left, []);
});

/** The category of a symbol; empty if it has none. */
function categoryOf({ declarations }: PublicSymbol): string {
  const tags = declarations.flatMap(({ jsDoc }) => jsDoc?.tags ?? []);
  return tags.find(({ kind }) => kind === "category")?.doc?.trim() ?? "";
}

function isValue({ declarations }: PublicSymbol): boolean {
  return declarations.some(({ kind }) => ["function", "class", "variable"].includes(kind));
}

for (const [file, names] of Object.entries(categories)) {
  const module = Object.entries(documentation.nodes)
    .find(([url]) => url.endsWith(`/${file}`))?.[1];
  const symbols = module?.symbols ?? [];

  Deno.test(`every export of ${file} has a category`, () => {
    const left = symbols
      .filter((symbol) => !names.includes(categoryOf(symbol)))
      .map((symbol) => `${symbol.name}: ${JSON.stringify(categoryOf(symbol))}`);
    assertEquals(left, []);
  });

  Deno.test(`the overview of ${file} lists its functions, classes and constants by category`, () => {
    const [, contents = ""] = module?.module_doc.doc?.split("## Contents\n\n") ?? [];
    const listed = new Map<string, string[]>();
    for (const [item, name = ""] of contents.matchAll(/^- \*\*(.*?)\*\*(?:.|\n {2})*/gm)) {
      const links = item.matchAll(/\{@linkcode (\w+)\}/g);
      listed.set(name, Array.from(links, ([, link = ""]) => link).sort());
    }
    // The constants of posix.ts have the names of C's.
    const overviewed = names.filter((name) => name !== "Constants");
    const exported = new Map(overviewed.map((name) => {
      const named = symbols.filter((symbol) => isValue(symbol) && categoryOf(symbol) === name);
      return [name, named.map((symbol) => symbol.name).sort()];
    }));
    assertEquals(listed, exported);
  });
}
