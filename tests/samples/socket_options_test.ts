import { assert, assertEquals, assertMatch } from "@std/assert";
import { Process } from "../../contract/process.ts";
import { readSample } from "../../contract/header.ts";
import { testWith } from "../support/test_with.ts";

// The output of the sample against its system calls.

const path = "clients/socket_options.ts";

/** Runs the sample; returns the outcome that it prints for each option, in order. */
async function run(program?: string, ...before: string[]): Promise<Map<string, string>> {
  const args = ["run", "--no-prompt", ...readSample(path).flags, path];
  await using process = program === undefined
    ? new Process(args, false)
    : new Process([...before, Deno.execPath(), ...args], false, undefined, program);
  assertEquals(await process.exits(), 0, process.describe());
  return new Map(
    process.stdout.trimEnd().split("\n").map((line) => {
      return [line.slice(0, 18).trimEnd(), line.slice(50)] as const;
    }),
  );
}

const isLinux = Deno.build.os === "linux";

Deno.test(`${path} tries each option of the lecture once, in its order`, async () => {
  const lecture = "SO_KEEPALIVE SO_BROADCAST SO_REUSEADDR SO_REUSEPORT SO_SNDBUF SO_RCVBUF " +
    "TCP_NODELAY TCP_QUICKACK IP_TTL IP_TOS IP_ADD_MEMBERSHIP IP_MTU MSG_OOB SOCK_RAW";
  assertEquals([...(await run()).keys()].join(" "), lecture);
});

testWith(["strace"], `${path}: its output agrees with its system calls`, async (folder) => {
  const log = `${folder}/log`;
  const calls = "trace=socket,setsockopt,getsockopt,sendto,sendmsg";
  const outcomes = await run("strace", "-f", "-o", log, "-e", calls);
  const seen = await Deno.readTextFile(log);

  const set: [option: string, outcome: RegExp, call: RegExp][] = [
    ["SO_KEEPALIVE", /^set$/, /SO_KEEPALIVE, \[1\], 4\) = 0/],
    ["SO_BROADCAST", /^always set/, /SO_BROADCAST, \[1\], 4\) = 0/],
    ["SO_REUSEADDR", /^always set/, /SO_REUSEADDR, \[1\], 4\) = 0/],
    ["SO_REUSEPORT", /^set/, /SO_REUSEPORT, \[1\], 4\) = 0/],
    ["TCP_NODELAY", /^set$/, /TCP_NODELAY, \[1\], 4\) = 0/],
    ["IP_TTL", /^set: 5$/, /IP_TTL, \[5\], 4\) = 0/],
    ["IP_ADD_MEMBERSHIP", /^set/, /IP_ADD_MEMBERSHIP, .*239\.255\.70\.7.*\) = 0/],
  ];
  for (const [option, outcome, call] of set) {
    assertMatch(outcomes.get(option) ?? "", outcome, option);
    assertMatch(seen, call, option);
  }
  const unset: [option: string, outcome: RegExp][] = [
    ["SO_SNDBUF", /^no effect/],
    ["SO_RCVBUF", /^no effect/],
    ["TCP_QUICKACK", /^not possible/],
    ["IP_TOS", /^not possible/],
    ["IP_MTU", /^not possible/],
    ["MSG_OOB", /^not possible/],
    ["SOCK_RAW", /^not possible/],
  ];
  for (const [option, outcome] of unset) {
    assertMatch(outcomes.get(option) ?? "", outcome, option);
    assert(!seen.includes(option), `the system saw ${option}`);
  }
});

Deno.test({
  name: `${path}: the port that it rebinds has a connection in TIME_WAIT`,
  ignore: !isLinux,
  async fn() {
    const [, port] = /port (\d+)/.exec((await run()).get("SO_REUSEADDR") ?? "") ?? [];
    const hexPort = Number(port).toString(16).toUpperCase().padStart(4, "0");
    const connections = await Deno.readTextFile("/proc/net/tcp");
    // Local address, remote address, state: 06 is TIME_WAIT.
    assertMatch(connections, new RegExp(`: 0100007F:${hexPort} 0100007F:[0-9A-F]{4} 06 `));
  },
});

Deno.test({
  name: "without joining, no datagram to the group of socket_options.ts arrives",
  ignore: !isLinux,
  async fn() {
    const group = "239.255.70.8"; // another than the sample's, which may run at the same time
    const receiver = Deno.listenDatagram({ transport: "udp", hostname: group, port: 0 });
    const sender = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    const message = (text: string) => new TextEncoder().encode(text);
    await sender.send(message("before"), receiver.addr);
    await receiver.joinMulticastV4(group, "127.0.0.1");
    await sender.send(message("after"), receiver.addr);
    const [first] = await receiver.receive();
    assertEquals(new TextDecoder().decode(first), "after");
    receiver.close();
    sender.close();
  },
});
