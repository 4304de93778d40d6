/**
 * The table of the servers that the tests run.
 *
 * @module
 */

import { concat } from "@std/bytes/concat";
import { encodeDelimited, encodeJsonLine, encodeLengthFrame } from "../../lib/io/framing.ts";
import type { Need } from "../../contract/requirements.ts";
import { pack } from "../../lib/wire/pack.ts";
import { bytes } from "./bytes.ts";

/** The paths and the name in the headers of the samples on Unix-domain sockets. */
const SOCKET = "/tmp/stream_echo.sock";
const DATAGRAM_SOCKETS = ["/tmp/dgram.sock", "/tmp/dgram_echo.sock"];
const ABSTRACT_NAME = "deno-sockets-echo";
const CLIENT_SOCKET = "/tmp/dgram_echo_client.sock";

/** What replaces the paths in a server's header: its own by `path`, its client's by `PATH.client`. */
export function ownPaths(path: string): Record<string, string> {
  const paths: Record<string, string> = { [CLIENT_SOCKET]: `${path}.client` };
  for (const written of [SOCKET, ABSTRACT_NAME, ...DATAGRAM_SOCKETS]) paths[written] = path;
  return paths;
}

/** Whether a server has a Unix-domain socket. */
export function isUnix({ args }: Subject): boolean {
  return args.some((arg) => arg in ownPaths(""));
}

/** The address of a server on a Unix-domain socket, at `path` or with this abstract name. */
export function unixAddress({ args }: Subject, path: string): { transport: "unix"; path: string } {
  return { transport: "unix", path: args.includes(ABSTRACT_NAME) ? `\0${path}` : path };
}

/** The arguments of a server whose path or abstract name, if it has one, is `path`. */
export function argsAt({ args }: Subject, path: string): string[] {
  const paths = ownPaths(path);
  return args.map((arg) => paths[arg] ?? arg);
}

/** What a test of the server requires. */
export function needsOf({ path, args }: Subject): Need[] {
  const needs: Need[] = [];
  if (args.some((arg) => arg.includes(":"))) needs.push("IPv6");
  if (path.startsWith("posix/")) needs.push("Linux C library");
  return needs;
}

/** A server, and its properties for the tests. */
export interface Subject {
  /** Its name in the names of tests. */
  name: string;
  path: string;
  args: string[];
  /** Whether it accepts connections or receives datagrams. */
  kind: "stream" | "datagram";
  /** The option that suppresses a line per message, if it has one. */
  quiet: string[];
  /** What replaces the addresses in its flags, as for `startSample`. */
  grants: Record<string, string>;
  /** The number of clients that may wait to be accepted. Another one retries only after a second. */
  backlog: number;
  /** Whether it serves one client at a time. */
  isIterative: boolean;
  /** The number of clients that a test may use: the server may end after them. */
  clients: number;
  /** What a well-behaved client sends; the whole reply, or else what the server prints. */
  greeting: Uint8Array;
  reply?: RegExp;
  prints?: RegExp;
}

/** A subject: by default a concurrent echo server on a free port of 127.0.0.1. */
function subject(path: string, changes: Partial<Subject> = {}): Subject {
  return {
    name: path,
    path,
    args: ["127.0.0.1", "0"],
    kind: "stream",
    quiet: [],
    grants: { 7007: "0" },
    backlog: 4096,
    isIterative: false,
    clients: 8,
    greeting: bytes("hello\n"),
    reply: /^hello\n$/,
    ...changes,
  };
}

export const iterative: Subject = subject("servers/tcp_echo_iterative.ts", {
  backlog: 5,
  isIterative: true,
});
const twoStacks: Subject = subject("servers/tcp_echo_two_stacks.ts", {
  args: ["0"],
  grants: { "127.0.0.1:7007": "127.0.0.1", "[::1]:7007": "[::1]:0" }, // the port of the first
  backlog: 5,
  isIterative: true,
});
export const lines: Subject = subject("servers/tcp_echo_lines.ts", {
  args: ["0"],
  backlog: 1024,
  isIterative: true,
});
export const concurrent: Subject = subject("servers/tcp_echo_concurrent.ts", {
  quiet: ["--quiet"],
});
export const concurrentOnIpv6: Subject = subject("servers/tcp_echo_concurrent.ts", {
  name: "servers/tcp_echo_concurrent.ts on ::1",
  args: ["::1", "0"],
  quiet: ["--quiet"],
  grants: { "127.0.0.1:7007": "[::1]:0" },
});
export const prefork: Subject = subject("servers/tcp_echo_prefork.ts", {
  args: ["127.0.0.1", "0", "--workers=2"],
  quiet: ["--quiet"],
  grants: { "127.0.0.1:7007": "127.0.0.1" }, // the second worker binds the port of the first
});
export const unix: Subject = subject("unix/stream_echo_server.ts", {
  args: [SOCKET],
  quiet: ["--quiet"],
  backlog: 1024,
});

export const epoll: Subject = subject("posix/epoll_echo_server.ts", {
  quiet: ["--quiet"],
  grants: {}, // the system calls need no net permission
});
export const epollOnIpv6: Subject = {
  ...epoll,
  name: "posix/epoll_echo_server.ts on ::1",
  args: ["::1", "0"],
};
export const abstract: Subject = subject("posix/abstract_echo_server.ts", {
  args: [ABSTRACT_NAME],
  quiet: ["--quiet"],
});
export const selecting: Subject = subject("posix/select_echo_server.ts", { grants: {} });
export const polling: Subject = subject("posix/poll_echo_server.ts", { grants: {} });

/** The servers that reply once to each client. */
export const others: Subject[] = [
  subject("servers/tcp_echo_once.ts", { grants: { 7009: "0" }, backlog: 3, isIterative: true }),
  subject("servers/tcp_request.ts", { grants: { 5678: "0" }, isIterative: true }),
  subject("servers/tcp_counter.ts", {
    grants: { 1213: "0" },
    backlog: 3,
    isIterative: true,
    greeting: bytes(""),
    reply: /^Connection \d+!\n$/,
  }),
];

/** The server of one client. */
export const message: Subject = subject("servers/tcp_message.ts", {
  args: ["0"],
  grants: { 51717: "0" },
  backlog: 5,
  isIterative: true,
  clients: 1,
  reply: /^I got your message$/,
});

/** Another server of one client, which first says that it is ready. */
const outOfBand: Subject = subject("posix/out_of_band_receive.ts", {
  grants: {},
  backlog: 5,
  isIterative: true,
  clients: 1,
  reply: /^ready\n$/,
  prints: /^Message: hello$/m,
});

/** The servers that reply after the client has shut down its side, if at all. */
export const listeners: Subject[] = [
  subject("servers/tcp_count.ts", { grants: { 7014: "0" }, reply: /^1 1 6\n$/ }),
  ...Object.entries({
    length: encodeLengthFrame(bytes("hello")),
    line: encodeDelimited(bytes("hello")),
    json: encodeJsonLine("hello"),
  }).map(([framing, greeting]) =>
    subject("servers/tcp_frames.ts", {
      name: `servers/tcp_frames.ts --framing=${framing}`,
      args: ["127.0.0.1", "0", `--framing=${framing}`],
      grants: { 7013: "0" },
      greeting,
      reply: /^$/,
      prints: /^hello$/m,
    })
  ),
];

/** A datagram server, which prints what it receives or replies to it. */
function datagramSubject(path: string, changes: Partial<Subject>): Subject {
  const { reply: _, ...defaults } = subject(path);
  return { ...defaults, kind: "datagram", grants: {}, greeting: bytes("hello"), ...changes };
}

const prints = { prints: /^Message from .*: hello$/m };

const calculator: Subject = datagramSubject("servers/udp_calculator.ts", {
  grants: { "[::1]": "127.0.0.1" },
  greeting: concat([new Uint8Array([0b0001]), pack("!2I", 20, 22)]),
  reply: /^\x8042$/,
});

/** The servers of datagrams that reply. */
export const repliers: Subject[] = [
  datagramSubject("servers/udp_echo.ts", { quiet: ["--quiet"], reply: /^hello$/ }),
  datagramSubject("servers/udp_echo_prefork.ts", { quiet: ["--quiet"], reply: /^hello$/ }),
  datagramSubject("servers/udp_sum.ts", {
    greeting: pack("!2I", 0x30303030, 0x01010101),
    reply: /^1111$/,
  }),
  calculator,
  datagramSubject("posix/udp_batch_echo_server.ts", { quiet: ["--quiet"], reply: /^hello$/ }),
  datagramSubject("posix/udp_echo_prefork.ts", { quiet: ["--quiet"], reply: /^hello$/ }),
  datagramSubject("unix/dgram_echo_server.ts", {
    args: ["/tmp/dgram_echo.sock"],
    quiet: ["--quiet"],
    reply: /^hello$/,
  }),
];

/** The UDP servers that reply, on both stacks. */
export const udpRepliers: Subject[] = [
  ...repliers.filter(({ path }) => !path.startsWith("unix/")),
  { ...calculator, name: "servers/udp_calculator.ts on ::1", args: ["::1", "0"], grants: {} },
];

/** The servers of datagrams that print what they receive. */
export const receivers: Subject[] = [
  datagramSubject("servers/udp_broadcast.ts", {
    args: ["127.255.255.255", "0"],
    grants: { 7029: "0" },
    ...prints,
  }),
  datagramSubject("servers/udp_multicast.ts", {
    args: ["239.0.0.1", "0"],
    grants: { 7030: "0" },
    ...prints,
  }),
];

/** The receivers of one datagram. */
export const oneShots: Subject[] = [
  datagramSubject("servers/udp_receive.ts", {
    grants: { "[::1]:55555": "127.0.0.1:0" },
    clients: 1,
    prints: /^received 5 bytes:$/m,
  }),
  datagramSubject("unix/dgram_receive.ts", {
    args: ["/tmp/dgram.sock"],
    clients: 1,
    prints: /^68 65 6c 6c 6f $/m,
  }),
];

/** The servers for production, with options for all limits. */
export const reliable: Subject[] = [concurrent, prefork, unix, epoll, abstract];

/** Every server, once for each of its modes. */
export const servers: Subject[] = [
  iterative,
  twoStacks,
  lines,
  ...others,
  message,
  outOfBand,
  concurrent,
  prefork,
  ...listeners,
  unix,
  epoll,
  abstract,
  selecting,
  polling,
  ...repliers,
  ...receivers,
  ...oneShots,
];
