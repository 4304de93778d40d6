import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { openUnixClient, openUnixDatagram, openUnixListener } from "../../lib/socket/unix.ts";
import { openers } from "../support/bound_sockets.ts";
import { makeStaleSocket } from "../support/files.ts";
import { Process, temporaryFolder } from "../../contract/process.ts";

/** The time limit of a test that would not end if it failed, in ms. */
const PATIENCE = { timeout: 60_000 };

/** The files of a folder with their attributes, to detect a change. */
function look(folder: string): unknown[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => {
    const { ino, mode, size, mtime, birthtime } = Deno.lstatSync(`${folder}/${name}`);
    return { name, ino, mode, size, mtime, birthtime };
  });
}

for (const [name, open] of Object.entries(openers)) {
  Deno.test(`${name} creates a socket file, which close() removes`, PATIENCE, async () => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/socket`;
    for (let round = 1; round <= 3; round++) {
      const socket = await open(path);
      assert(Deno.lstatSync(path).isSocket, `round ${round}`);
      await socket.assertWorks(`round ${round}`);
      socket.close();
      assertEquals(look(folder.path), [], `round ${round}`);
    }
  });

  Deno.test(`${name} sets the mode of the file`, async () => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/socket`;
    for (const mode of [undefined, 0o600, 0o666, 0o620, 0o777, 0o000]) {
      using _socket = await open(path, mode === undefined ? {} : { mode });
      const bits = (Deno.lstatSync(path).mode ?? 0) & 0o777;
      assertEquals(bits.toString(8), (mode ?? 0o600).toString(8), `mode ${mode?.toString(8)}`);
    }
  });

  Deno.test(`${name} accepts a path of 107 bytes`, PATIENCE, async () => {
    await using folder = await temporaryFolder();
    using socket = await open(`${folder.path}/`.padEnd(107, "x"));
    await socket.assertWorks();
  });
}

const staleSockets: Record<string, (path: string) => void | Promise<void>> = {
  "the socket of a closed listener": (path) => makeStaleSocket(path, "stream"),
  "the socket of a killed process": async (path) => {
    const code = `Deno.listen({ transport: "unix", path: Deno.args[0] });
      setInterval(() => {}, 60_000);
      console.log("listening");`;
    await using server = new Process(["eval", code, path], false);
    await server.prints(/listening/);
  },
  "the socket of a closed datagram server": (path) => makeStaleSocket(path, "datagram"),
};

for (const [what, make] of Object.entries(staleSockets)) {
  for (const [name, open] of Object.entries(openers)) {
    Deno.test(`${name} takes over ${what}`, PATIENCE, async () => {
      await using folder = await temporaryFolder();
      const path = `${folder.path}/socket`;
      await make(path);
      assert(Deno.lstatSync(path).isSocket);
      const socket = await open(path);
      await socket.assertWorks();
      socket.close();
      assertEquals(look(folder.path), []);
    });
  }
}

for (const [name, open] of Object.entries(openers)) {
  Deno.test(`${name} does not disturb a live socket of its kind`, PATIENCE, async () => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/socket`;
    using socket = await open(path);
    const before = look(folder.path);
    for (let round = 1; round <= 10; round++) {
      const message = `bind ${path}: Address already in use`;
      await assertRejects(() => open(path), Deno.errors.AddrInUse, message);
      assertEquals(look(folder.path), before, `round ${round}`);
      // Anything that the attempt sent would arrive first.
      await socket.assertWorks(`round ${round}`);
    }
  });

  for (const [other, openOther] of Object.entries(openers)) {
    if (other === name) continue;
    Deno.test(`${name} does not disturb a live socket of ${other}`, PATIENCE, async () => {
      await using folder = await temporaryFolder();
      const path = `${folder.path}/socket`;
      using live = await openOther(path);
      const before = look(folder.path);
      const message = `bind ${path}: Address already in use`;
      await assertRejects(() => open(path), Deno.errors.AddrInUse, message);
      assertEquals(look(folder.path), before);
      await live.assertWorks(); // and a datagram socket has received nothing
    });
  }
}

/** Files at the path that must not be removed. */
const others: Record<string, (path: string) => void> = {
  "a file": (path) => Deno.writeTextFileSync(path, "precious"),
  "a folder": (path) => Deno.mkdirSync(path),
  "a link to a file": (path) => {
    Deno.writeTextFileSync(`${path}.target`, "precious");
    Deno.symlinkSync(`${path}.target`, path);
  },
  "a link to a folder": (path) => Deno.symlinkSync(".", path),
  "a link to a stale socket": (path) => {
    makeStaleSocket(`${path}.target`, "stream");
    Deno.symlinkSync(`${path}.target`, path);
  },
  "a link to nothing": (path) => Deno.symlinkSync(`${path}.target`, path),
};

for (const [what, make] of Object.entries(others)) {
  for (const [name, open] of Object.entries(openers)) {
    Deno.test(`${name} does not replace ${what}`, async () => {
      await using folder = await temporaryFolder();
      const path = `${folder.path}/socket`;
      make(path);
      const before = look(folder.path);
      const message = `bind ${path}: the file is not a socket`;
      await assertRejects(() => open(path), Deno.errors.AlreadyExists, message);
      assertEquals(look(folder.path), before);
    });
  }
}

Deno.test("the errors of the functions that open a Unix socket name the call, the path and the cause", async () => {
  await using folder = await temporaryFolder();
  const inFolder = (name: string) => `${folder.path}/${name}`;
  const long = (length: number) => inFolder("x").padEnd(length, "x");
  makeStaleSocket(inFolder("stale"), "stream");
  Deno.writeTextFileSync(inFolder("file"), "");
  const before = look(folder.path);
  const { ConnectionRefused, NotADirectory, NotFound } = Deno.errors;
  type Opener = (path: string) => Promise<unknown>;
  const connect: [string, Opener[]] = ["connect", [openUnixClient]];
  const bind: [string, Opener[]] = ["bind", [openUnixListener, openUnixDatagram]];
  const cases: [[string, Opener[]], path: string, errorClass: new () => Error, cause: string][] = [
    [connect, inFolder("nothing"), NotFound, "No such file or directory"],
    [connect, inFolder("nothing/socket"), NotFound, "No such file or directory"],
    [connect, inFolder("stale"), ConnectionRefused, "Connection refused"],
    [connect, inFolder("file"), ConnectionRefused, "Connection refused"],
    [connect, long(108), TypeError, "path must be shorter than SUN_LEN"],
    [connect, long(1000), TypeError, "path must be shorter than SUN_LEN"],
    [bind, inFolder("nothing/socket"), NotFound, "No such file or directory"],
    [bind, inFolder("file/socket"), NotADirectory, "Not a directory"],
    [bind, long(108), TypeError, "path must be shorter than SUN_LEN"],
    [bind, long(1000), TypeError, "path must be shorter than SUN_LEN"],
  ];
  for (const [[call, opens], path, errorClass, cause] of cases) {
    for (const open of opens) {
      const where = `${open.name} ${path}`;
      const error = await assertRejects(() => open(path), Error, "", where);
      assertEquals(error.message, `${call} ${path}: ${cause}`, where);
      assertStrictEquals(error.constructor, errorClass, where);
      assertInstanceOf(error.cause, errorClass, where);
    }
  }
  assertEquals(look(folder.path), before);
});

Deno.test("openUnixListener() and openUnixDatagram() reject an address without a file", async () => {
  // For an empty path the system chooses an abstract address; a leading NUL specifies one.
  for (const path of ["", "\0abstract"]) {
    for (const open of [openUnixListener, openUnixDatagram]) {
      await assertRejects(() => open(path), Error, `bind ${path}: `, JSON.stringify(path));
    }
  }
});

Deno.test({
  name: "openUnixClient() names an abstract address as formatAddress() does",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const name = `deno-sockets-${crypto.randomUUID()}`;
    const { message, address } = await assertRejects(
      () => openUnixClient(`\0${name}`),
      Deno.errors.ConnectionRefused,
    ) as Error & { address?: string };
    assertEquals([message, address], [`connect @${name}: Connection refused`, `@${name}`]);
  },
});
