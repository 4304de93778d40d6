import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { numbers } from "../../lib/posix/_errno_names.ts";
import { cValues, includes } from "../support/c_values.ts";
import { testWith } from "../support/test_with.ts";
import table from "../support/data/posix.json" with { type: "json" };

// The structures, constants and errors of lib/posix beside C's headers.

/** The values of posix.json, which are x86-64's, that differ on arm64. */
const onArm64: Record<string, number> = {
  "sizeof(struct epoll_event)": 16,
  "offsetof(struct epoll_event, data)": 8,
};

testWith(["Linux C library"], "lib/posix has the values of C that posix.json lists", () => {
  const expected = { ...table, ...Deno.build.arch === "aarch64" && onArm64 };
  assertEquals(cValues, expected, "after a change, run tests/support/data/make_posix.ts");
});

/** Compiles assertions of the values; returns the compiler's errors. */
async function check(
  compiler: string,
  folder: string,
  values: Readonly<Record<string, number>>,
): Promise<string> {
  const assertions = Object.entries(values).map(([name, value]) =>
    `_Static_assert((unsigned)(${name}) == ${value}u, "${name}");\n`
  );
  const path = `${folder}/values.c`;
  await Deno.writeTextFile(path, `#define _GNU_SOURCE\n${includes}${assertions.join("")}`);
  const { stderr } = await new Deno.Command(compiler, {
    args: ["-fsyntax-only", path],
    env: { LC_ALL: "C" },
  }).output();
  return new TextDecoder().decode(stderr);
}

testWith(["Linux C library", "gcc"], "gcc has the values of lib/posix", async (folder) => {
  assertEquals(await check("gcc", folder, cValues), "");
  for (const name of ["sizeof(struct cmsghdr)", "offsetof(struct msghdr, msg_flags)", "EPOLLET"]) {
    const wrong = { [name]: (cValues[name] ?? 0) + 1 };
    assertStringIncludes(await check("gcc", folder, wrong), name);
  }
});

testWith(
  ["Linux C library", "aarch64-linux-gnu-gcc"],
  "gcc for arm64 has the values of lib/posix",
  async (folder) => {
    assertEquals(await check("aarch64-linux-gnu-gcc", folder, { ...cValues, ...onArm64 }), "");
  },
);

testWith(
  ["Linux C library", "gcc"],
  "the C library has the names of errors of lib/posix, and no others",
  async (folder) => {
    const path = `${folder}/names`;
    await Deno.writeTextFile(
      `${path}.c`,
      `#define _GNU_SOURCE
      ${includes}
      int main(void) {
        for (int i = 1; i < 4096; i++) {
          if (strerrorname_np(i)) printf("%s %d\\n", strerrorname_np(i), i);
        }
      }`,
    );
    const gcc = await new Deno.Command("gcc", { args: ["-o", path, `${path}.c`] }).output();
    const errors = new TextDecoder().decode(gcc.stderr);
    if (/strerrorname_np/.test(errors)) return; // musl, or glibc before 2.32
    assert(gcc.success, errors);
    const { stdout } = await new Deno.Command(path).output();
    const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
    const names = lines.map((line) => line.split(" ")).map(([name = "", n]) => [name, Number(n)]);
    assertEquals(numbers, Object.fromEntries(names));
  },
);
