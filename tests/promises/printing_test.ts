import { assertEquals } from "@std/assert";
import { needsOf, reliable } from "../support/servers.ts";
import { exchange } from "../support/streams.ts";
import { type Launch, Server } from "../support/server.ts";
import { freePort } from "../../contract/ports.ts";
import { startInShell } from "../support/program.ts";
import { testWith } from "../support/test_with.ts";
import { keeps } from "./promises.ts";

/** Creates a pipe: descriptor 3 for writing, 4 for reading. */
const PIPE = `pipe=$(mktemp -u) && mkfifo "$pipe" && exec 4<>"$pipe" 3>"$pipe" && rm "$pipe"`;

/** Failures of an output, as shell scripts in which the program is "$@". */
const outputs: Record<string, string> = {
  "stdout on a full disk": `exec "$@" >/dev/full`,
  "stderr on a full disk": `exec "$@" 2>/dev/full`,
  "stdout to a pipe that is closed": `${PIPE} && exec 4<&- && exec "$@" >&3`,
  "stderr to a pipe that is closed": `${PIPE} && exec 4<&- && exec "$@" 2>&3`,
  "stdout to a full pipe that is not read":
    `${PIPE} && head -c 65536 /dev/zero >&3 && exec "$@" >&3`,
  "stderr to a full pipe that is not read":
    `${PIPE} && head -c 65536 /dev/zero >&3 && exec "$@" 2>&3`,
};

/** Starts samples on a given port: they may be unable to print it. */
function withOutput(script: string, port: number): Launch {
  return (path, args) => {
    const known = args.map((arg) => arg === "0" ? `${port}` : arg);
    return startInShell(script, path, known);
  };
}

/** Waits until a server listens, although it may be unable to print that. */
async function waitFor(server: Server): Promise<void> {
  const { kind, clients, greeting, reply, prints } = server.subject;
  for (;;) {
    try {
      if (kind === "stream") {
        // A connection is not enough: the pre-forked server tries the port before its workers bind it.
        if (clients > 1) await server.assertReplies();
        else (await server.connect()).close();
        return;
      }
      if (reply !== undefined) return void await server.ask(greeting, 200);
      await server.tell(greeting); // the other output shows it
      if (prints?.test(server.process.stdout)) return;
    } catch (error) {
      if (server.process.code !== undefined) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

for (const [what, script] of Object.entries(outputs)) {
  keeps("printing", `${what} neither ends nor blocks the server`, async (subject) => {
    const port = freePort();
    await using server = await Server.launch(subject, [], withOutput(script, port));
    server.listensOn(port);
    if (what.startsWith("stdout")) await server.process.prints(/^listening on /m);
    else await waitFor(server);
    // A server of one client has served it by now.
    if (subject.clients > 1 || what.startsWith("stdout")) await server.assertReplies();
    if (subject.clients > 1) server.process.kill("SIGTERM");
    const code = await server.process.exits();
    assertEquals(code, 0, `${subject.name} ${server.process.describe()}`);
  });
}

for (const subject of reliable) {
  testWith(
    needsOf(subject),
    `${subject.name}: SIGTERM ends it after its grace period although its outputs are not read`,
    async () => {
      const port = freePort();
      const script = `${PIPE} && head -c 65536 /dev/zero >&3 && exec "$@" >&3 2>&3`;
      await using server = await Server.launch(subject, ["--grace=0"], withOutput(script, port));
      server.listensOn(port);
      await waitFor(server);
      using conn = await server.connect();
      await exchange(conn, "hello\n");
      server.process.kill("SIGTERM");
      assertEquals(await server.process.exits(), 0, server.process.describe());
    },
  );
}
