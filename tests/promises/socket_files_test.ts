import { assertEquals, assertRejects } from "@std/assert";
import { openDatagramTo, recvFrom, sendTo } from "../../lib/socket/datagram.ts";
import { openUnixClient, openUnixDatagram, openUnixListener } from "../../lib/socket/unix.ts";
import { testWith } from "../support/test_with.ts";
import { Process, startSample } from "../../contract/process.ts";
import { toBytes } from "../support/bytes.ts";
import { assertEndsInTime } from "../support/end.ts";
import { modeOf } from "../support/files.ts";
import { waitFor } from "../support/time.ts";
import { pathProgram, pathPrograms, startAt } from "./path_programs.ts";
import { covers } from "./promises.ts";

// The promise: a socket's file has its mode, is removed on every exit, and never replaces another's file.

covers("socket_files", pathPrograms.map(({ sample }) => sample));

const signals = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;

/** The inode of the file at a path. */
function inode(path: string): number | null {
  return Deno.lstatSync(path).ino;
}

for (const program of pathPrograms) {
  const { sample, args } = program;

  for (const signal of signals) {
    testWith([], `${sample} removes its file on ${signal}`, async (folder) => {
      const path = `${folder}/socket`;
      await using process = await startAt(program, path);
      assertEquals(modeOf(path), "600");
      process.kill(signal);
      await assertEndsInTime(process, 0, 4000);
      assertEquals(modeOf(path), null, "the file still exists");
    });
  }

  testWith([], `${sample} ends without an error if its file was removed`, async (folder) => {
    const path = `${folder}/socket`;
    await using process = await startAt(program, path);
    const { stdout, stderr } = process;
    Deno.removeSync(path);
    process.kill("SIGTERM");
    await assertEndsInTime(process, 0, 4000);
    assertEquals([process.stdout, process.stderr], [stdout, stderr]);
  });

  testWith([], `${sample} ends without an error if its folder was removed`, async (folder) => {
    Deno.mkdirSync(`${folder}/inner`);
    const path = `${folder}/inner/socket`;
    await using process = await startAt(program, path);
    const { stderr } = process;
    Deno.removeSync(`${folder}/inner`, { recursive: true });
    process.kill("SIGTERM");
    await assertEndsInTime(process, 0, 4000);
    assertEquals(process.stderr, stderr);
  });

  testWith(
    [],
    `${sample} does not remove the file of another instance at its path`,
    async (folder) => {
      const path = `${folder}/socket`;
      await using first = await startAt(program, path);
      Deno.removeSync(path);
      await using second = await startAt(program, path);
      const file = inode(path);
      first.kill("SIGTERM");
      await assertEndsInTime(first, 0, 4000);
      assertEquals(inode(path), file);
      second.kill("SIGTERM");
      await assertEndsInTime(second, 0, 4000);
      assertEquals(modeOf(path), null, "the file still exists");
    },
  );

  for (const what of ["a file", "a symbolic link"]) {
    testWith([], `${sample} does not remove ${what} at its path`, async (folder) => {
      const path = `${folder}/socket`;
      await using process = await startAt(program, path);
      Deno.removeSync(path);
      Deno.writeTextFileSync(`${folder}/precious`, "precious", { mode: 0o600 });
      if (what === "a file") Deno.writeTextFileSync(path, "precious", { mode: 0o600 });
      else Deno.symlinkSync(`${folder}/precious`, path);
      const file = inode(path);
      process.kill("SIGTERM");
      await assertEndsInTime(process, 0, 4000);
      assertEquals(inode(path), file);
      assertEquals(Deno.readTextFileSync(path), "precious");
      assertEquals(modeOf(`${folder}/precious`), "600");
    });
  }

  const dangerous: [what: string, mode: number, refused: boolean][] = [
    ["that all may write to", 0o777, true],
    ["that the group may write to", 0o770, true],
    ["that all may write to, with the sticky bit", 0o1777, false],
    ["that others may read", 0o755, false],
  ];
  for (const [what, mode, refused] of dangerous) {
    testWith(
      [],
      `${sample} ${refused ? "rejects" : "accepts"} a folder ${what}`,
      async (folder) => {
        const shared = `${folder}/shared`;
        Deno.mkdirSync(shared);
        Deno.chmodSync(shared, mode);
        const path = `${shared}/socket`;
        const flags = ["--allow-net", `--allow-read=${folder}`, `--allow-write=${folder}`];
        const command = ["run", ...flags, sample];
        await using process = new Process([...command, ...args(path)], true);
        if (refused) {
          await assertEndsInTime(process, 1, 30_000);
          assertEquals(process.stderr, `bind ${path}: others may replace files in ${shared}\n`);
          assertEquals(modeOf(path), null, "the file still exists");
        } else {
          await waitFor(() => modeOf(path) === "600", `${sample} does not bind ${path}`);
          process.kill("SIGTERM");
          await assertEndsInTime(process, 0, 4000);
        }
      },
    );
  }
}

const clientProgram = pathProgram("unix/dgram_echo_client.ts");
for (const signal of signals) {
  testWith(
    [],
    `${clientProgram.sample} removes its file on ${signal} while it waits for a reply`,
    async (folder) => {
      const path = `${folder}/socket`;
      await using client = await startAt(clientProgram, path);
      const server = Deno.listenDatagram({ transport: "unixpacket", path: `${path}.server` });
      await client.type("hello\n");
      await server.receive();
      client.kill(signal);
      await assertEndsInTime(client, 0, 4000);
      assertEquals(modeOf(path), null, "the file still exists");
      server.close();
    },
  );
}

testWith(
  [],
  "closing a listener ends accept() and does not remove another file at its path",
  async (folder) => {
    const path = `${folder}/socket`;
    Deno.writeTextFileSync(`${folder}/file`, "precious");
    // Deno removes the file at a normal exit, but not at Deno.exit().
    const code = `
    import { openUnixListener } from "${import.meta.resolve("../../lib/socket/unix.ts")}";
    const listener = await openUnixListener(Deno.args[0]);
    const accepting = listener.accept().catch((error) => console.log(error.name));
    Deno.renameSync(Deno.args[1], Deno.args[0]);
    listener.close();
    await accepting;
    await listener.accept().catch((error) => console.log(error.name));
    Deno.exit();`;
    await using process = new Process(["eval", code, path, `${folder}/file`], false);
    await assertEndsInTime(process, 0, 30_000);
    assertEquals(process.stdout, "Interrupted\nBadResource\n", process.describe());
    assertEquals(Deno.readTextFileSync(path), "precious");
  },
);

// The probe for a live socket

/** How each kind is opened, and how to check that a live socket was not disturbed. */
const kinds = {
  stream: {
    open: openUnixListener,
    sample: "unix/stream_echo_server.ts",
    isUndisturbed: async (path: string, server: Process) => {
      using client = await openUnixClient(path);
      await client.write(toBytes("hello"));
      assertEquals(await client.read(new Uint8Array(80)), 5);
      await server.prints(/Message: hello\n/);
      // One connection without data, from the probe.
      assertEquals(server.stdout.match(/^Connection/gm)?.length, 2, server.describe());
      assertEquals(server.stdout.match(/Message/g)?.length, 1, server.describe());
    },
  },
  datagram: {
    open: openUnixDatagram,
    sample: "unix/dgram_receive.ts",
    isUndisturbed: async (path: string, server: Process) => {
      assertEquals([server.code, server.stdout], [undefined, ""], server.describe());
      using client = await openDatagramTo({ transport: "unixpacket", path });
      await sendTo(client, toBytes("hi"), { transport: "unixpacket", path });
      await assertEndsInTime(server, 0, 4000);
      assertEquals(server.stdout, "68 69 \n");
    },
  },
};

for (const [live, { sample, isUndisturbed }] of Object.entries(kinds)) {
  for (const [opened, { sample: other }] of Object.entries(kinds)) {
    testWith(
      [],
      `a ${opened} server does not start at the path of a live ${live} server`,
      async (folder) => {
        const path = `${folder}/socket`;
        await using server = await startAt(pathProgram(sample), path);
        const file = inode(path);
        await using second = startSample(other, [path], pathProgram(other).grants(path));
        await assertEndsInTime(second, 1, 30_000);
        assertEquals(second.stderr, `bind ${path}: Address already in use\n`);
        assertEquals(inode(path), file);
        await isUndisturbed(path, server);
      },
    );

    testWith([], `a ${opened} socket takes over a stale ${live} socket's path`, async (folder) => {
      const path = `${folder}/socket`;
      {
        await using killed = await startAt(pathProgram(sample), path);
        killed.kill("SIGKILL");
        await killed.exits();
      }
      using _socket = await kinds[opened as keyof typeof kinds].open(path);
      assertEquals(modeOf(path), "600");
    });
  }
}

testWith(
  [],
  "unix/stream_echo_server.ts has removed its file when a second signal ends it",
  async (folder) => {
    const path = `${folder}/socket`;
    await using server = await startAt(pathProgram("unix/stream_echo_server.ts"), path);
    // A client that does not receive delays the exit until the grace period ends.
    const busy = await Deno.connect({ transport: "unix", path });
    busy.write(new Uint8Array(8 << 20)).catch(() => {});
    await server.prints(/Message: /);
    server.kill("SIGTERM");
    while (modeOf(path) !== null) await new Promise((resolve) => setTimeout(resolve, 5));
    server.kill("SIGTERM");
    assertEquals(await server.exits(), 128 + 15, server.describe().slice(0, 300));
    assertEquals(modeOf(path), null);
    busy.close();
  },
);

for (const program of pathPrograms.filter(({ sample }) => sample.includes("echo_server"))) {
  const { sample } = program;
  testWith([], `${sample} drains although it cannot remove its file`, async (folder) => {
    const sub = `${folder}/sub`;
    Deno.mkdirSync(sub);
    await using server = await startAt(program, `${sub}/socket`);
    Deno.renameSync(sub, `${folder}/gone`);
    Deno.writeTextFileSync(sub, "a file in the folder's place");
    server.kill("SIGTERM");
    assertEquals(await server.exits(), 0, server.describe());
    const says = `unlink ${sub}/socket: Not a directory\n`;
    assertEquals(server.stderr.replace(/^listening .*\n/, ""), says, server.describe());
  });
}

testWith([], "a failed bind leaves no descriptor open", async (folder) => {
  const shared = `${folder}/shared`;
  Deno.mkdirSync(shared);
  Deno.chmodSync(shared, 0o777);
  // In a separate process, where nothing else opens descriptors.
  const code = `
    import { openUnixDatagram } from "${import.meta.resolve("../../mod.ts")}";
    const count = () => [...Deno.readDirSync("/proc/self/fd")].length;
    const before = count();
    for (let i = 0; i < 3; i++) await openUnixDatagram(Deno.args[0]).catch(() => {});
    console.log(count() - before);`;
  await using process = new Process(["eval", code, `${shared}/socket`], false);
  await process.exits();
  assertEquals([process.stdout, process.stderr], ["0\n", ""]);
});

testWith([], "unix/dgram_echo_server.ts removes its file at the first signal", async (folder) => {
  const path = `${folder}/socket`;
  await using server = await startAt(pathProgram("unix/dgram_echo_server.ts"), path);
  using client = await openDatagramTo({ transport: "unixpacket", path });
  server.kill("SIGTERM");
  // It runs while datagrams arrive, but its file is removed.
  await assertRejects(async () => {
    for (;;) await sendTo(client, toBytes("x"), { transport: "unixpacket", path });
  }, Deno.errors.NotFound);
  server.kill("SIGTERM");
  await server.exits();
  assertEquals(modeOf(path), null);
});

testWith([], "marking a stale socket does not follow a symbolic link", async (folder) => {
  const path = `${folder}/socket`;
  Deno.listenDatagram({ transport: "unixpacket", path }).close();
  Deno.writeTextFileSync(`${folder}/precious`, "precious", { mode: 0o600 });
  Deno.utimeSync(`${folder}/precious`, 7, 7);
  // A process that replaces the socket by a link again and again.
  const code = `
    const [path, precious] = Deno.args;
    console.log("ready");
    const end = performance.now() + 1000;
    while (performance.now() < end) {
      try {
        Deno.removeSync(path);
        Deno.symlinkSync(precious, path);
        Deno.removeSync(path);
        Deno.listenDatagram({ transport: "unixpacket", path }).close();
      } catch {}
    }`;
  await using attacker = new Process(["eval", code, path, `${folder}/precious`], false);
  await attacker.prints(/ready/);
  while (attacker.code === undefined) {
    await openUnixDatagram(path).then((socket) => socket.close(), () => {});
    await new Promise((resolve) => setTimeout(resolve)); // lets the attacker's output and exit arrive
  }
  assertEquals(Deno.statSync(`${folder}/precious`).mtime?.getTime(), 7000);
});

testWith(
  [],
  "a second close() does not remove the next socket's file",
  async (folder) => {
    const path = `${folder}/socket`;
    for (const open of [openUnixListener, openUnixDatagram]) {
      const first = await open(path);
      first.close();
      using second = await openUnixDatagram(path);
      first.close();
      using client = await openDatagramTo(second.addr);
      await sendTo(client, toBytes("hello"), second.addr);
      assertEquals((await recvFrom(second, 80)).message.length, 5);
    }
  },
);

testWith(["root"], "a folder of another user is rejected, even if it is sticky", async (folder) => {
  Deno.chownSync(folder, 65534, 65534);
  for (const mode of [0o700, 0o1777]) {
    Deno.chmodSync(folder, mode);
    for (const open of [openUnixListener, openUnixDatagram]) {
      const message = `bind ${folder}/socket: others may replace files in ${folder}`;
      await assertRejects(() => open(`${folder}/socket`), Deno.errors.PermissionDenied, message);
      assertEquals([...Deno.readDirSync(folder)], []);
    }
  }
});

testWith([], "a socket whose mode cannot be set leaves no file", async (folder) => {
  const shared = `${folder}/shared`;
  Deno.mkdirSync(shared);
  Deno.chmodSync(shared, 0o777);
  for (const open of [openUnixListener, openUnixDatagram]) {
    await assertRejects(() => open(`${shared}/socket`), Deno.errors.PermissionDenied);
    assertEquals([...Deno.readDirSync(shared)], []);
  }
});
