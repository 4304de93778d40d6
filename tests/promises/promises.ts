/**
 * The promises that every server makes, and the servers that are exempt from one, with the reason.
 *
 * docs/reliability.md shows this table; `deno run -A tests/promises/promises.ts` updates it.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { needsOf, servers, type Subject } from "../support/servers.ts";
import { testSteps } from "../support/test_with.ts";
import { root } from "../../contract/header.ts";

/** A promise. */
export interface Promised {
  /** The promise, in one sentence. */
  says: string;
  /** The exempt servers, by the paths of their samples, each with the reason. */
  exempt: Record<string, string>;
}

const stream = servers.filter(({ kind }) => kind === "stream").map(({ path }) => path);
const datagram = servers.filter(({ kind }) => kind === "datagram").map(({ path }) => path);

/** The same reason for several servers. */
function because(reason: string, paths: string[]): Record<string, string> {
  return Object.fromEntries(paths.map((path) => [path, reason]));
}

const NO_CONNECTIONS = "uses datagrams";
const NO_DATAGRAMS = "uses a stream";
const NO_FILE = "has no socket file";
const ONE_CLIENT = "serves one client and exits";
const ITERATIVE = "serves one client at a time, as in the lecture";
const silent = ["servers/tcp_counter.ts"];
const oneConnection = ["posix/out_of_band_receive.ts", "servers/tcp_message.ts"];
const receiveOnly = [
  "servers/udp_broadcast.ts",
  "servers/udp_multicast.ts",
  "servers/udp_receive.ts",
  "unix/dgram_receive.ts",
];

/** The promises, by the names of the files that test them. */
export const promises = {
  hostile_clients: {
    says: "No client can end the server or disturb another client.",
    exempt: {},
  },
  printing: {
    says: "The server keeps running when its output fails or is not read.",
    exempt: because("prints one message, which is its result, and fails if it cannot print it", [
      "servers/udp_receive.ts",
      "unix/dgram_receive.ts",
    ]),
  },
  descriptors: {
    says:
      "When file descriptors run out, the server pauses and retries. Other accept failures cause no pause.",
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
      ...because(ONE_CLIENT, oneConnection),
    },
  },
  bounds: {
    says: "The server disconnects idle clients, and its memory use per connection is bounded.",
    exempt: because(NO_CONNECTIONS, datagram),
  },
  min_rate: {
    says: "The server disconnects clients that are too slow.",
    exempt: {
      ...because(NO_CONNECTIONS, datagram),
      ...because(ITERATIVE, [
        "servers/tcp_echo_iterative.ts",
        "servers/tcp_echo_lines.ts",
        "servers/tcp_echo_two_stacks.ts",
      ]),
      ...because("receives once from each client", [
        "servers/tcp_echo_once.ts",
        "servers/tcp_message.ts",
        "servers/tcp_request.ts",
      ]),
      "posix/out_of_band_receive.ts": ONE_CLIENT,
      ...because("receives nothing", silent),
      ...because("disconnects idle clients only", [
        "posix/poll_echo_server.ts",
        "posix/select_echo_server.ts",
      ]),
    },
  },
  backpressure: {
    says: "The server stops reading from a client that does not read, and from no other.",
    exempt: {
      ...because(NO_CONNECTIONS, datagram),
      ...because("sends less than a socket buffer holds", [
        "posix/out_of_band_receive.ts",
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
    says:
      "On SIGTERM the server processes all data that has arrived and serves all clients in the backlog.",
    exempt: {
      ...because(NO_CONNECTIONS, datagram),
      ...because(ONE_CLIENT, oneConnection),
    },
  },
  datagram_drain: {
    says:
      "On SIGTERM the server handles every datagram that it has received or that is in the socket's queue.",
    exempt: {
      ...because(NO_DATAGRAMS, stream),
      ...because(ONE_CLIENT, ["servers/udp_receive.ts", "unix/dgram_receive.ts"]),
    },
  },
  exit: {
    says:
      "The server exits in bounded time on SIGINT, SIGTERM, SIGHUP and SIGQUIT, sent once, twice, or during start-up.",
    exempt: {},
  },
  terminal: {
    says:
      "No control character from a peer reaches a terminal, and no peer can forge a line of the log.",
    exempt: because(
      "prints exact bytes to a file or a pipe; tests/samples/terminal_test.ts tests the terminal",
      [
        "servers/udp_receive.ts",
      ],
    ),
  },
  socket_files: {
    says:
      "The socket's file has mode 0600 unless `--mode` is given, is removed on exit, and never replaces another server's.",
    exempt: because(NO_FILE, [...stream, ...datagram].filter((path) => !path.startsWith("unix/"))),
  },
  datagram_peers: {
    says: "A datagram peer that does not receive does not delay the others.",
    exempt: {
      ...because(NO_DATAGRAMS, stream),
      ...because("sends no reply", receiveOnly),
      ...because("sends over UDP, which never waits for the receiver", [
        "posix/udp_batch_echo_server.ts",
        "posix/udp_echo_prefork.ts",
        "servers/udp_calculator.ts",
        "servers/udp_echo.ts",
        "servers/udp_echo_prefork.ts",
        "servers/udp_sum.ts",
      ]),
    },
  },
  own_address: {
    says: "The server does not reply to a datagram from its own address or from port 0.",
    exempt: {
      ...because(NO_DATAGRAMS, stream),
      ...because("sends no reply", receiveOnly),
    },
  },
} satisfies Record<string, Promised>;

/** The name of a promise. */
export type Promise_ = keyof typeof promises;

/** The servers that make a promise. */
export function givers(name: Promise_): Subject[] {
  const exempt: Record<string, string> = promises[name].exempt;
  return servers.filter(({ path }) => exempt[path] === undefined);
}

/** The servers on which a promise is tested in this file. */
const testedOf = new Map<Promise_, Set<string>>();

/**
 * Declares that this file tests a promise on some servers. A test asserts that the file covers every server
 * that makes the promise.
 *
 * @param name The promise.
 * @param subjects The servers, by their names, or by the paths of their samples.
 */
export function covers(name: Promise_, subjects: string[]): void {
  let tested = testedOf.get(name);
  if (tested === undefined) {
    const names = new Set<string>();
    testedOf.set(name, tested = names);
    Deno.test(`the promise ${name} is tested on every server that makes it`, () => {
      const left = givers(name).filter(({ name, path }) => !names.has(name) && !names.has(path));
      assertEquals(left.map(({ name }) => name), []);
    });
  }
  for (const subject of subjects) tested.add(subject);
}

/**
 * Tests a promise on every server that makes it, on several servers at once.
 *
 * @param name The promise.
 * @param what The test's name.
 * @param check Checks one server.
 * @param subjects The servers. Default: every server that makes the promise.
 * @param atOnce How many servers are checked at once. Default 4; 1 for a check that a busy machine disturbs.
 */
export function keeps(
  name: Promise_,
  what: string,
  check: (subject: Subject) => Promise<void>,
  subjects: Subject[] = givers(name),
  atOnce: number = 4,
): void {
  covers(name, subjects.map(({ name }) => name));
  const steps = subjects.map((subject) => ({
    name: subject.name,
    needs: needsOf(subject),
    fn: () => check(subject),
  }));
  testSteps(what, steps, atOnce);
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

/** The document with the table between its two marks, formatted. */
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
