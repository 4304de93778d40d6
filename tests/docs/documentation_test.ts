import { assertEquals } from "@std/assert";
import { root } from "../../contract/header.ts";

// What `deno doc --json` says of a symbol, as far as it is looked at here.
interface Declaration {
  kind: string;
  jsDoc?: JsDoc;
  def: Callable & { methods?: Method[] };
}

interface JsDoc {
  doc?: string;
  tags?: { kind: string; name?: string }[];
}

interface Callable {
  params?: Parameter[];
  returnType?: { repr?: string };
}

/** A method; of a class, its parameters are those of a function. */
interface Method extends Callable {
  name: string;
  jsDoc?: JsDoc;
  functionDef?: Callable;
}

/** A parameter, one with a default, or the rest of them. */
interface Parameter {
  name?: string;
  left?: { name?: string };
  arg?: { name?: string };
}

interface Documentation {
  nodes: Record<string, { symbols: { name: string; declarations: Declaration[] }[] }>;
}

const { stdout } = new Deno.Command(Deno.execPath(), {
  args: ["doc", "--json", "mod.ts", "cli.ts"],
  cwd: root,
}).outputSync();
const documentation: Documentation = JSON.parse(new TextDecoder().decode(stdout));
const symbols = Object.values(documentation.nodes).flatMap(({ symbols }) => symbols);

/** What the documentation of something that can be called leaves out. */
function missing(jsDoc: JsDoc | undefined, { params = [], returnType }: Callable): string[] {
  const tags = jsDoc?.tags ?? [];
  const named = new Set(tags.map(({ name }) => name));
  const names = params.map((param) => param.name ?? param.left?.name ?? param.arg?.name ?? "");
  const isVoid = /^(void|never|Promise)?$/.test(returnType?.repr ?? "");
  return [
    ...names.filter((name) => name !== "" && !named.has(name)).map((name) => `@param ${name}`),
    ...isVoid || tags.some(({ kind }) => kind === "return") ? [] : ["@returns"],
  ];
}

Deno.test("every public symbol is documented, with its parameters and what it returns", () => {
  const left: string[] = [];
  for (const { name, declarations } of symbols) {
    for (const { kind, jsDoc, def } of declarations) {
      if (!jsDoc?.doc) left.push(`${name}: no documentation`);
      if (kind === "function") left.push(...missing(jsDoc, def).map((tag) => `${name}: ${tag}`));
      for (const method of def.methods ?? []) {
        const lacks = missing(method.jsDoc, method.functionDef ?? method);
        left.push(...lacks.map((tag) => `${name}.${method.name}: ${tag}`));
      }
    }
  }
  assertEquals(left, []);
});

Deno.test("every public function and class has an example, or says where there is one", () => {
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
