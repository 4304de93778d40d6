import { assertEquals, assertRejects } from "@std/assert";
import { readN, writeN } from "../../lib/io/read_write.ts";
import { exchange, readAll } from "../support/streams.ts";
import { type Process, startSample, temporaryFolder } from "../../contract/process.ts";
import { startUnixServer } from "../support/start.ts";
import { assertEndsWithoutFile } from "../support/end.ts";

// A socket's file: creation, takeover and removal.

/** The output of a server for a client that sends hello. */
const GREETED = "Connection from (unnamed)\n\tMessage: hello\n";

async function connect(path: string): Promise<Deno.UnixConn> {
  return await Deno.connect({ transport: "unix", path });
}

/** The attributes and contents of the file at a path, or null. */
async function look(path: string): Promise<unknown> {
  try {
    const { ino, mode, isFile, isDirectory } = await Deno.lstat(path);
    const content = isFile ? await Deno.readTextFile(path) : null;
    const entries = isDirectory ? await Array.fromAsync(Deno.readDir(path)) : null;
    return { ino, mode, content, entries };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Starts a server without waiting until it listens. */
function launch(path: string): Process {
  return startSample("unix/stream_echo_server.ts", [path], { "/tmp/stream_echo.sock": path });
}

/** Asserts that a second server on `path` fails with an error, and changes nothing. */
async function assertRefused(path: string, why: string): Promise<void> {
  const before = await look(path);
  await using second = launch(path);
  await second.exits();
  const { code, stdout, stderr } = second;
  assertEquals({ code, stdout, stderr }, {
    code: 1,
    stdout: "",
    stderr: `bind ${path}: ${why}\n`,
  });
  assertEquals(await look(path), before, `what is at ${path}`);
}

Deno.test("a second Unix server reports that the address is in use, and does not disturb the first", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/socket`;
  await using first = await startUnixServer(path);
  using client = await connect(path);
  await exchange(client, "hello");
  await assertRefused(path, "Address already in use");
  await exchange(client, "hello");
  using next = await connect(path);
  await exchange(next, "hello");
  const probed = "Connection from (unnamed)\n"; // the probe of the second
  const printed = `${GREETED}${probed}\tMessage: hello\n${GREETED}`;
  await first.prints(RegExp(`^${RegExp.escape(printed)}$`));
  assertEquals(first.stderr, `listening on ${path}\n`);
});

Deno.test("a Unix server takes over the path of a killed one", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/socket`;
  {
    await using killed = await startUnixServer(path);
    using client = await connect(path);
    await exchange(client, "hello");
    killed.kill("SIGKILL");
    await killed.exits();
  }
  assertEquals((await Deno.lstat(path)).isSocket, true, "a stale socket is left behind");
  await using server = await startUnixServer(path);
  using client = await connect(path);
  await exchange(client, "hello");
  server.kill("SIGTERM");
  await assertEndsWithoutFile(server, path);
  await server.assertPrints(GREETED);
});

Deno.test("only one of several Unix servers takes over a stale socket", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/socket`;
  const killed = await startUnixServer(path);
  await killed[Symbol.asyncDispose]();
  await using servers = new AsyncDisposableStack();
  const lines = await Promise.all(Array.from({ length: 6 }, async () => {
    const [line] = await servers.use(launch(path)).prints(/^.*\n/);
    return line;
  }));
  const refused = `bind ${path}: Address already in use\n`;
  assertEquals(lines.sort(), [...Array(5).fill(refused), `listening on ${path}\n`]);
});

const notSockets: Record<string, (path: string) => Promise<void>> = {
  "file with text": (path) => Deno.writeTextFile(path, "precious"),
  "file without text": (path) => Deno.writeTextFile(path, ""),
  "folder": (path) => Deno.mkdir(path),
  "symbolic link to a file": async (path) => {
    await Deno.writeTextFile(`${path}.target`, "precious");
    await Deno.symlink(`${path}.target`, path);
  },
  "dangling symbolic link": (path) => Deno.symlink(`${path}.target`, path),
  "pipe": async (path) => {
    assertEquals((await new Deno.Command("mkfifo", { args: [path] }).output()).code, 0);
  },
};

for (const [what, make] of Object.entries(notSockets)) {
  Deno.test(`a Unix server does not replace a ${what}`, async () => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/socket`;
    await make(path);
    await assertRefused(path, "the file is not a socket");
  });
}

/** What a client does and expects; it calls `end` to terminate the server. */
interface Encounter {
  /** The server's grace period, in seconds, if the client uses all of it. */
  grace?: string;
  meet: (path: string, end: () => void) => Promise<void>;
}

const encounters: Record<string, Encounter> = {
  "after its client has closed": {
    meet: async (path, end) => {
      const client = await connect(path);
      await exchange(client, "hello");
      client.close();
      end();
    },
  },
  "with a client connected": {
    meet: async (path, end) => {
      using client = await connect(path);
      await exchange(client, "hello");
      end();
      assertEquals(await client.read(new Uint8Array(80)), null, "the server closes the connection");
    },
  },
  "during a transfer": {
    meet: async (path, end) => {
      using client = await connect(path);
      // All is sent, but so little is received that the server blocks.
      const sent = new Uint8Array(60_000).map((_, index) => index % 251);
      await writeN(client, sent);
      const first = new Uint8Array(80);
      await readN(client, first);
      end();
      const rest = await readAll(client);
      assertEquals(
        rest.length,
        sent.length - first.length,
        "bytes echoed after the signal",
      );
      assertEquals(rest, sent.subarray(first.length));
    },
  },
  "with a client that does not receive": {
    grace: "0.2",
    meet: async (path, end) => {
      using client = await connect(path);
      const sending = assertRejects(() => writeN(client, new Uint8Array(1 << 22)), Error);
      await readN(client, new Uint8Array(80));
      end();
      await sending;
    },
  },
};

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  for (const [when, { grace = "3600", meet }] of Object.entries(encounters)) {
    Deno.test(`a Unix server removes its file on ${signal} ${when}`, async () => {
      await using folder = await temporaryFolder();
      const path = `${folder.path}/socket`;
      await using server = await startUnixServer(path, "--grace", grace);
      await meet(path, () => server.kill(signal));
      await assertEndsWithoutFile(server, path);
    });
  }

  Deno.test(`a Unix server removes its file on ${signal} immediately after it listens`, async () => {
    await using folder = await temporaryFolder();
    // Several concurrently, so that some are slow after they print that they listen.
    const ends = Array.from({ length: 8 }, async (_, index) => {
      await using server = await startUnixServer(`${folder.path}/${index}`);
      server.kill(signal);
      return await server.exits();
    });
    assertEquals(await Promise.all(ends), Array(8).fill(0), "exit status of each");
    assertEquals(await Array.fromAsync(Deno.readDir(folder.path)), [], "files left behind");
  });
}
