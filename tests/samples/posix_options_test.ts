import { assert, assertEquals, assertMatch } from "@std/assert";
import { Process, startSample } from "../../contract/process.ts";
import { readSample } from "../../contract/header.ts";
import { testWith } from "../support/test_with.ts";

// The output of the sample against its system calls.

const path = "posix/socket_options.ts";

/** Returns the options that the sample has printed, each with its outcome. */
function outcomesOf(process: Process): [option: string, outcome: string][] {
  return process.stdout.trimEnd().split("\n")
    .map((line) => [line.slice(0, 18).trimEnd(), line.slice(19)]);
}

testWith(["Linux C library", "IPv6"], `${path} shows each option once`, async () => {
  await using process = startSample(path, []);
  assertEquals(await process.exits(), 0, process.describe());
  const options = "SO_KEEPALIVE TCP_KEEPIDLE SO_BROADCAST SO_REUSEADDR SO_REUSEPORT SO_SNDBUF " +
    "SO_RCVBUF SO_RCVTIMEO SO_LINGER TCP_NODELAY TCP_QUICKACK TCP_INFO IP_TTL IP_MTU IP_TOS " +
    "IP_MTU_DISCOVER IP_OPTIONS IPV6_V6ONLY IP_ADD_MEMBERSHIP IP_DROP_MEMBERSHIP " +
    "IP_MULTICAST_IF SO_ERROR SO_TYPE";
  assertEquals(outcomesOf(process).map(([option]) => option).join(" "), options);
});

testWith(
  ["Linux C library", "IPv6", "strace"],
  `${path}: its output agrees with its system calls`,
  async (folder) => {
    const log = `${folder}/log`;
    const calls = "trace=getsockopt,setsockopt";
    const command = [Deno.execPath(), "run", "--no-prompt", ...readSample(path).flags, path];
    const args = ["-f", "-o", log, "-e", calls, ...command];
    await using process = new Process(args, false, undefined, "strace");
    assertEquals(await process.exits(), 0, process.describe());
    const seen = (await Deno.readTextFile(log)).split("\n");

    for (const [option, outcome] of outcomesOf(process)) {
      // strace names the option of a 64-bit system SO_RCVTIMEO_OLD. getsockname() reads SO_TYPE, too.
      const own = seen.filter((call) => new RegExp(` ${option}(_OLD)?, `).test(call)).slice(-3);
      if (option.endsWith("_MEMBERSHIP")) {
        assertEquals(own.length, 2, option);
        assertMatch(own[0] ?? "", /setsockopt.*239\.255\.70\.7.*127\.0\.0\.1.* = 0$/);
        assertMatch(own[1] ?? "", /setsockopt.*239\.255\.70\.7.*127\.0\.0\.1.* = -1 EADDR/);
        continue;
      }
      const names = own.map((call) => /[gs]etsockopt/.exec(call)?.[0]);
      assertEquals(names, ["getsockopt", "setsockopt", "getsockopt"], option);
      const [before = "", set = "", after = ""] = own;
      const isSet = !outcome.includes("not set");
      assertEquals(set.endsWith(" = 0"), isSet, set);

      // Numbers alone; strace decodes few structures.
      const [, was, to, is] =
        /^was (\d+), (?:set to (\d+)|not set \(.*\)), is (\d+)/.exec(outcome) ??
          [];
      if (was === undefined) {
        assert(/\{.*\}.*\{.*\}/.test(outcome), outcome);
        continue;
      }
      const number = (call: string) =>
        /\[(\w+)\]|$/.exec(call)?.[1]?.replace("ECONNREFUSED", "111");
      assertEquals([number(before), number(after)], [was, is], option);
      if (isSet) assertEquals(number(set), to, option);
    }
    const structures = [
      ["SO_LINGER", "{1, 5}", "{l_onoff=1, l_linger=5}"],
      ["IP_OPTIONS", "{7, 7, 4, 0, 0, 0, 0, 0}", String.raw`"\7\7\4\0\0\0\0\0"`],
    ] as const;
    for (const [option, printed, structure] of structures) {
      const outcome = new Map(outcomesOf(process)).get(option) ?? "";
      assert(outcome.includes(`set to ${printed}, is ${printed}: `), outcome);
      const own = seen.filter((call) => call.includes(` ${option}, ${structure}, `));
      assertEquals(own.length, 2, option);
    }
  },
);
