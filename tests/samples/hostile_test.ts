import { assert, assertMatch } from "@std/assert";
import type net from "node:net";
import { assertStaysFlat } from "../support/proc.ts";
import { garbage, HostileServer } from "../support/peers.ts";
import { startSample, temporaryFolder } from "../../contract/process.ts";

// Clients against hostile servers.

/** What a hostile server does, in words and in code. */
interface Behaviour {
  does: string;
  meet: (socket: net.Socket) => void;
}

const behaviours = {
  closesAtOnce: {
    does: "closes at once",
    meet: (socket) => socket.destroy(),
  },
  closesWithoutReply: {
    does: "closes without a reply",
    meet: (socket) => socket.once("data", () => socket.end()),
  },
  resets: {
    does: "resets the connection",
    meet: (socket) => socket.once("data", () => socket.resetAndDestroy()),
  },
  garbage: {
    does: "replies with garbage",
    meet: (socket) => socket.once("data", () => socket.end(garbage)),
  },
  endless: {
    does: "sends without end",
    meet: (socket) => {
      const part = new Uint8Array(65536).fill(0x78);
      const send = () => {
        while (socket.write(part));
      };
      socket.on("drain", send);
      send();
    },
  },
  silent: {
    does: "never replies",
    meet: (socket) => socket.resume(),
  },
} satisfies Record<string, Behaviour>;

/**
 * How a client ends: with a status; with 0 or 1, depending on whether it sees EOF or the reset first; or
 * not before it is interrupted.
 */
type End = 0 | 1 | "0 or 1" | "interrupted";

/** A client, the address in its header, and how it ends for each behaviour. */
interface Client {
  path: string;
  written: string;
  ends: Partial<Record<keyof typeof behaviours, End>>;
}

/** How a client ends that prints what it receives, and fails without a reply. */
const usual: Client["ends"] = {
  closesAtOnce: 1,
  closesWithoutReply: 1,
  resets: 1,
  garbage: 0,
  endless: 0,
  silent: "interrupted",
};
const { resets: _, ...withoutReset } = usual; // a Unix socket has none

const clients: Client[] = [
  { path: "clients/tcp_echo.ts", written: "127.0.0.1:7007", ends: usual },
  {
    path: "clients/tcp_request.ts",
    written: "127.0.0.1:5678",
    ends: { ...usual, closesAtOnce: "0 or 1", closesWithoutReply: 0 },
  },
  {
    path: "clients/tcp_count.ts",
    written: "127.0.0.1:7014",
    ends: { ...usual, endless: "interrupted" },
  },
  { path: "clients/tcp_echo_word.ts", written: "127.0.0.1:7007", ends: usual },
  {
    path: "clients/telnet.ts",
    written: "127.0.0.1:7007",
    ends: { ...usual, closesAtOnce: "0 or 1", closesWithoutReply: 0, endless: "interrupted" },
  },
  {
    path: "clients/tcp_talk.ts",
    written: "127.0.0.1:1213",
    ends: { ...usual, closesAtOnce: 0, closesWithoutReply: 0, resets: 0 },
  },
  { path: "clients/tcp_message.ts", written: "127.0.0.1:51717", ends: usual },
  { path: "unix/stream_echo_client.ts", written: "/tmp/stream_echo.sock", ends: withoutReset },
];

for (const { path, written, ends } of clients) {
  for (const [name, end] of Object.entries(ends)) {
    const { does, meet }: Behaviour = behaviours[name as keyof typeof behaviours];
    const ending = end === "interrupted" ? "waits for" : `exits with ${end} for`;
    Deno.test(`${path} ${ending} a server that ${does}`, async () => {
      await using folder = await temporaryFolder();
      await using server = new HostileServer(meet);
      const isUnix = path.startsWith("unix/");
      const address = await server.listen(isUnix ? `${folder.path}/socket` : undefined);
      const args = address.split(":");
      if (path.includes("word")) args.splice(1, 0, "hello");
      await using client = startSample(path, args, { [written]: address }, true);
      await client.type("hello\n");
      await client.endInput();

      if (end === "interrupted") {
        await Promise.race([server.met, client.exits()]);
        if (name === "endless") {
          await client.prints(/x/);
          const deadline = AbortSignal.timeout(30_000);
          const much = () => client.until(() => client.stdout.length > 100e6, deadline);
          await assertStaysFlat(client, async () => assert(await much(), "it prints no more"));
        }
        client.kill("SIGINT");
      }
      const code = await client.exits();
      const expected = end === "0 or 1" ? [0, 1] : [end === "interrupted" ? 128 + 2 : end];
      assert(expected.includes(code), `${path} ${client.describe()}`);
      // One line without a code if it failed, and none otherwise.
      const complaint = code === 1 ? /^(?!.*(?:os error|\bE(?!RROR)[A-Z]{4,}\b)).+\n$/ : /^$/;
      assertMatch(client.stderr, complaint, path);
    });
  }
}
