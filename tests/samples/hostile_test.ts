import { assert, assertMatch } from "@std/assert";
import type net from "node:net";
import { assertStaysFlat } from "../support/proc.ts";
import { garbage, HostileServer } from "../support/peers.ts";
import { startSample, temporaryFolder } from "../../contract/process.ts";

// Clients against servers that do what no client expects.

/** What servers do that no client expects. */
const behaviours: Record<string, (socket: net.Socket) => void> = {
  "closes at once": (socket) => socket.destroy(),
  "closes without an answer": (socket) => socket.once("data", () => socket.end()),
  "resets": (socket) => socket.once("data", () => socket.resetAndDestroy()),
  "answers with garbage": (socket) => socket.once("data", () => socket.end(garbage)),
  "sends without end": (socket) => {
    const part = new Uint8Array(65536).fill(0x78);
    const send = () => {
      while (socket.write(part));
    };
    socket.on("drain", send);
    send();
  },
  "never answers": (socket) => socket.resume(),
};

/**
 * The clients, with the address in their header, and how they end for each of the behaviours, in order:
 * with a status, or not before they are interrupted. It is a matter of time whether `?` sees the end
 * of the stream, and prints what came, or a reset, and fails; and Unix sockets know none (`-`).
 */
const clients: [path: string, written: string, ends: string][] = [
  ["clients/tcp_echo.ts", "127.0.0.1:7007", "1 1 1 0 0 ^C"],
  ["clients/tcp_request.ts", "127.0.0.1:5678", "? 0 1 0 0 ^C"],
  ["clients/tcp_count.ts", "127.0.0.1:7014", "1 1 1 0 ^C ^C"],
  ["clients/tcp_echo_word.ts", "127.0.0.1:7007", "1 1 1 0 0 ^C"],
  ["clients/telnet.ts", "127.0.0.1:7007", "? 0 1 0 ^C ^C"],
  ["clients/tcp_talk.ts", "127.0.0.1:1213", "0 0 0 0 0 ^C"],
  ["clients/tcp_message.ts", "127.0.0.1:51717", "1 1 1 0 0 ^C"],
  ["unix/stream_echo_client.ts", "/tmp/stream_echo.sock", "1 1 - 0 0 ^C"],
];

for (const [path, written, ends] of clients) {
  for (const [index, [what, meet]] of Object.entries(behaviours).entries()) {
    const end = ends.split(" ")[index];
    if (end === "-") continue;
    Deno.test(`${path}: exit ${end} for a server that ${what}`, async () => {
      await using folder = await temporaryFolder();
      await using server = new HostileServer(meet);
      const isUnix = path.startsWith("unix/");
      const address = await server.listen(isUnix ? `${folder.path}/socket` : undefined);
      const args = address.split(":");
      if (path.includes("word")) args.splice(1, 0, "hello");
      await using client = startSample(path, args, { [written]: address }, true);
      await client.type("hello\n");
      await client.endInput();

      if (end === "^C") {
        await Promise.race([server.met, client.exits()]);
        if (what === "sends without end") {
          await client.prints(/x/);
          const deadline = AbortSignal.timeout(30_000);
          const much = () => client.until(() => client.stdout.length > 100e6, deadline);
          await assertStaysFlat(client, async () => assert(await much(), "it prints no more"));
        }
        client.kill("SIGINT");
      }
      const code = await client.exits();
      const right = end === "?" ? [0, 1] : [end === "^C" ? 128 + 2 : Number(end)];
      assert(right.includes(code), `${path} ${client.describe()}`);
      // One line of words if it failed, and none otherwise.
      const complaint = code === 1 ? /^(?!.*(?:os error|\bE(?!RROR)[A-Z]{4,}\b)).+\n$/ : /^$/;
      assertMatch(client.stderr, complaint, path);
    });
  }
}
