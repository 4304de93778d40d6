/**
 * What every server of the suite promises, and which servers are exempt from a promise, with the reason.
 *
 * docs/reliability.md shows this table; `deno run --allow-all tests/promises/promises.ts` writes it there.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { servers, type Subject } from "../support/hostile.ts";
import { root } from "../../contract/header.ts";

/** A promise. */
export interface Promised {
  /** The promise, in one sentence. */
  says: string;
  /** The servers that do not give it, by the paths of their samples, and why. */
  exempt: Record<string, string>;
}

const stream = servers.filter(({ kind }) => kind === "stream").map(({ path }) => path);
const datagram = servers.filter(({ kind }) => kind === "datagram").map(({ path }) => path);

/** The same reason for several servers. */
function because(reason: string, paths: string[]): Record<string, string> {
  return Object.fromEntries(paths.map((path) => [path, reason]));
}

const NO_CONNECTIONS = "has no connections";
const NO_DATAGRAMS = "has no datagrams";
const NO_FILE = "has no socket file";
const ONE_CLIENT = "serves one client and ends";
const ITERATIVE = "serves one client at a time, as the lecture does";
const silent = ["servers/tcp_counter.ts"];
const receiveOnly = [
  "servers/udp_broadcast.ts",
  "servers/udp_multicast.ts",
  "servers/udp_receive.ts",
  "unix/dgram_receive.ts",
];

/** The promises, by the names of the files that test them. */
export const promises = {
  hostile_clients: {
    says:
      "No client ends the server or disturbs another client, whatever it sends and however it goes.",
    exempt: {},
  },
  printing: {
    says: "No failure to print ends the server, and an output that is not read does not stop it.",
    exempt: because("prints one message, which is its result: it fails if it cannot", [
      "servers/udp_receive.ts",
      "unix/dgram_receive.ts",
    ]),
  },
  descriptors: {
    says:
      "When descriptors run out it waits and goes on; other failures of accept do not delay it.",
    exempt: {
      ...because(NO_CONNECTIONS, datagram),
      ...because(ITERATIVE, [
        "servers/tcp_counter.ts",
        "servers/tcp_echo_iterative.ts",
        "servers/tcp_echo_lines.ts",
        "servers/tcp_echo_once.ts",
        "servers/tcp_echo_two_stacks.ts",
        "servers/tcp_request.ts",
      ]),
      "servers/tcp_message.ts": ONE_CLIENT,
    },
  },
  bounds: {
    says: "A client that is silent is cut off, and no line, frame or stream fills the memory.",
    exempt: because(NO_CONNECTIONS, datagram),
  },
  min_rate: {
    says: "A client that sends a byte now and then does not hold a connection.",
    exempt: {
      ...because(NO_CONNECTIONS, datagram),
      ...because(ITERATIVE, [
        "servers/tcp_echo_iterative.ts",
        "servers/tcp_echo_lines.ts",
        "servers/tcp_echo_two_stacks.ts",
      ]),
      ...because("reads once from each client", [
        "servers/tcp_echo_once.ts",
        "servers/tcp_message.ts",
        "servers/tcp_request.ts",
      ]),
      ...because("reads nothing", silent),
    },
  },
  backpressure: {
    says: "A client that does not read stops the server from reading from it, and only from it.",
    exempt: {
      ...because(NO_CONNECTIONS, datagram),
      ...because("sends less than a socket's buffer holds", [
        "servers/tcp_count.ts",
        "servers/tcp_counter.ts",
        "servers/tcp_echo_once.ts",
        "servers/tcp_frames.ts",
        "servers/tcp_message.ts",
        "servers/tcp_request.ts",
      ]),
    },
  },
  drain: {
    says: "SIGTERM loses nothing that has arrived on a connection, or waits in the backlog.",
    exempt: {
      ...because(NO_CONNECTIONS, datagram),
      "servers/tcp_message.ts": ONE_CLIENT,
    },
  },
  datagram_drain: {
    says: "SIGTERM loses no datagram that is in work, or waits in the socket's queue.",
    exempt: {
      ...because(NO_DATAGRAMS, stream),
      ...because(ONE_CLIENT, ["servers/udp_receive.ts", "unix/dgram_receive.ts"]),
    },
  },
  exit: {
    says:
      "Every way out ends in time: SIGINT, SIGTERM, SIGHUP, SIGQUIT, twice, and while it starts.",
    exempt: {},
  },
  terminal: {
    says: "Nothing that a peer controls reaches a terminal raw, and no line of the log is forged.",
    exempt: because(
      "prints bytes as they are to a file or a pipe; to a terminal, as tests/samples/terminal_test.ts shows",
      [
        "servers/udp_receive.ts",
      ],
    ),
  },
  socket_files: {
    says: "The socket's file is private, is gone on every way out, and is never another server's.",
    exempt: because(NO_FILE, [...stream, ...datagram].filter((path) => !path.startsWith("unix/"))),
  },
  datagram_peers: {
    says: "A datagram peer that does not receive costs the others nothing.",
    exempt: {
      ...because(NO_DATAGRAMS, stream),
      ...because("does not reply", receiveOnly),
      ...because("sends over UDP, which does not wait for the receiver", [
        "servers/udp_calculator.ts",
        "servers/udp_echo.ts",
        "servers/udp_echo_prefork.ts",
        "servers/udp_sum.ts",
      ]),
    },
  },
  own_address: {
    says:
      "A datagram that seems to come from the server's own address, or from port 0, starts no loop.",
    exempt: {
      ...because(NO_DATAGRAMS, stream),
      ...because("does not reply", receiveOnly),
    },
  },
} satisfies Record<string, Promised>;

/** The name of a promise. */
export type Promise_ = keyof typeof promises;

/** The servers that give a promise. */
export function givers(name: Promise_): Subject[] {
  const exempt: Record<string, string> = promises[name].exempt;
  return servers.filter(({ path }) => exempt[path] === undefined);
}

/** The servers on which a promise is tested in this file. */
const testedOf = new Map<Promise_, Set<string>>();

/**
 * Says that this file tests a promise on some servers; a test asserts that in all it does so on every server
 * that gives the promise.
 *
 * @param name The promise.
 * @param subjects The servers, by their names, or by the paths of their samples.
 */
export function covers(name: Promise_, subjects: string[]): void {
  let tested = testedOf.get(name);
  if (tested === undefined) {
    const names = new Set<string>();
    testedOf.set(name, tested = names);
    Deno.test(`the promise ${name} is tested on every server that gives it`, () => {
      const left = givers(name).filter(({ name, path }) => !names.has(name) && !names.has(path));
      assertEquals(left.map(({ name }) => name), []);
    });
  }
  for (const subject of subjects) tested.add(subject);
}

/**
 * Tests a promise on every server that gives it.
 *
 * @param name The promise.
 * @param what What the test does, for its name.
 * @param check Checks one server.
 * @param subjects Some of the servers, for a check that is not for all.
 */
export function keeps(
  name: Promise_,
  what: string,
  check: (subject: Subject) => Promise<void>,
  subjects: Subject[] = givers(name),
): void {
  covers(name, subjects.map(({ name }) => name));
  for (const subject of subjects) {
    Deno.test({ name: `${subject.name}: ${what}`, fn: () => check(subject) });
  }
}

/** The table of docs/reliability.md. */
export function matrix(): string {
  const names = Object.keys(promises) as Promise_[];
  const reasons: string[] = [];
  const cell = (name: Promise_, path: string): string => {
    const reason = (promises[name].exempt as Record<string, string>)[path];
    if (reason === undefined) return "yes";
    if (!reasons.includes(reason)) reasons.push(reason);
    return `${reasons.indexOf(reason) + 1}`;
  };
  const paths = [...new Set(servers.map(({ path }) => path))];
  const rows = [
    ["server", ...names.map((_, index) => String.fromCharCode(0x41 + index))],
    ["---", ...names.map(() => ":-:")],
    ...paths.map((path) => [`[${path}](../${path})`, ...names.map((name) => cell(name, path))]),
  ];
  return [
    ...names.map((name, index) =>
      `- **${String.fromCharCode(0x41 + index)}** ${promises[name].says} ` +
      `([test](../tests/promises/${name}_test.ts))`
    ),
    "",
    ...rows.map((row) => `| ${row.join(" | ")} |`),
    "",
    ...reasons.map((reason, index) => `${index + 1}. ${reason}`),
  ].join("\n");
}

/** The document with the table in its place, between its two marks, formatted. */
export async function withMatrix(document: string): Promise<string> {
  const text = document.replace(
    /(<!-- promises -->\n\n)[^]*(\n\n<!-- end -->)/,
    (_, start, end) => `${start}${matrix()}${end}`,
  );
  const fmt = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext=md", "-"],
    cwd: root,
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const [{ stdout }] = await Promise.all([
    fmt.output(),
    new Response(text).body?.pipeTo(fmt.stdin),
  ]);
  return new TextDecoder().decode(stdout);
}

/** The document that shows the table. */
export const document = "docs/reliability.md";

if (import.meta.main) {
  const text = await Deno.readTextFile(`${root}${document}`);
  await Deno.writeTextFile(`${root}${document}`, await withMatrix(text));
}
