import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { openDatagramTo, recvFrom, sendTo } from "../../lib/socket/datagram.ts";
import {
  openUnixClient,
  openUnixDatagram,
  openUnixListener,
  type UnixBindOptions,
} from "../../lib/socket/unix.ts";
import { Process, temporaryFolder } from "../../contract/process.ts";

/** For a test that would never end if it failed: far more than any needs. */
const PATIENCE = { timeout: 60_000 };

/** Leaves a socket behind on which nobody listens, since long ago. */
function makeStaleSocket(path: string): void {
  const listener = Deno.listen({ transport: "unix", path: `${path}.other` });
  Deno.linkSync(`${path}.other`, path); // closing removes the other name, not this one
  listener.close();
  Deno.utimeSync(path, 0, 0);
}

/** What is in a folder, so that a change of it would be noticed. */
function look(folder: string): unknown[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => {
    const { ino, mode, size, mtime, birthtime } = Deno.lstatSync(`${folder}/${name}`);
    return { name, ino, mode, size, mtime, birthtime };
  });
}

/** Asserts that a client at `path` is the next one that `listener` accepts, but for one connection without data. */
async function assertServes(listener: Deno.UnixListener, path: string, where = ""): Promise<void> {
  using client = await openUnixClient(path);
  await client.write(new Uint8Array([7]));
  const p = new Uint8Array(2);
  using first = await listener.accept();
  let length = await first.read(p);
  if (length === null) { // somebody looked if the listener is alive
    using conn = await listener.accept();
    length = await conn.read(p);
  }
  assertEquals([length, p[0]], [1, 7], where);
}

/** Asserts that a datagram sent to `path` is the next one that `socket` receives. */
async function assertReceives(socket: Deno.DatagramConn, path: string, where = ""): Promise<void> {
  const to: Deno.UnixAddr = { transport: "unixpacket", path };
  using client = await openDatagramTo(to);
  await sendTo(client, new Uint8Array([7]), to);
  assertEquals((await recvFrom(socket, 80)).message.toHex(), "07", where);
}

/** A socket of either kind, bound to a path. */
interface Bound extends Disposable {
  close(): void;
  /** Asserts that whoever comes now is the first to be served. */
  assertWorks(where?: string): Promise<void>;
}

/** Both kinds of sockets, by the functions that open them. */
const openers: Record<string, (path: string, options?: UnixBindOptions) => Promise<Bound>> = {
  "openUnixListener()": async (path, options) => {
    const listener = await openUnixListener(path, options);
    return Object.assign(listener, {
      assertWorks: (where?: string) => assertServes(listener, path, where),
    });
  },
  "openUnixDatagram()": async (path, options) => {
    const socket = await openUnixDatagram(path, options);
    return Object.assign(socket, {
      assertWorks: (where?: string) => assertReceives(socket, path, where),
    });
  },
};

for (const [name, open] of Object.entries(openers)) {
  Deno.test(`${name} makes a socket, which closing it removes`, PATIENCE, async () => {
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

  Deno.test(`${name} gives the socket its mode`, async () => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/socket`;
    for (const mode of [undefined, 0o600, 0o666, 0o620, 0o777, 0o000]) {
      using _socket = await open(path, mode === undefined ? {} : { mode });
      const bits = (Deno.lstatSync(path).mode ?? 0) & 0o777;
      assertEquals(bits.toString(8), (mode ?? 0o600).toString(8), `mode ${mode?.toString(8)}`);
    }
  });

  Deno.test(`${name} takes a path of 107 bytes`, PATIENCE, async () => {
    await using folder = await temporaryFolder();
    using socket = await open(`${folder.path}/`.padEnd(107, "x"));
    await socket.assertWorks();
  });
}

const staleSockets: Record<string, (path: string) => void | Promise<void>> = {
  "the socket of a closed listener": makeStaleSocket,
  "the socket of a killed process": async (path) => {
    const code = `Deno.listen({ transport: "unix", path: Deno.args[0] });
      setInterval(() => {}, 60_000);
      console.log("listening");`;
    await using server = new Process(["eval", code, path], false);
    await server.prints(/listening/);
  },
  "the socket of a closed datagram server": (path) =>
    Deno.listenDatagram({ transport: "unixpacket", path }).close(),
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
      // Had the attempt sent something, that would be the first to be served.
      await socket.assertWorks(`round ${round}`);
    }
  });

  for (const [other, openOther] of Object.entries(openers)) {
    if (other === name) continue;
    Deno.test(`${name} leaves the live socket of ${other} alone`, PATIENCE, async () => {
      await using folder = await temporaryFolder();
      const path = `${folder.path}/socket`;
      using live = await openOther(path);
      const before = look(folder.path);
      const message = `bind ${path}: Address already in use`;
      await assertRejects(() => open(path), Deno.errors.AddrInUse, message);
      assertEquals(look(folder.path), before);
      await live.assertWorks(); // a datagram socket has received nothing
    });
  }
}

/** What may be where the socket should be, and is to stay there. */
const others: Record<string, (path: string) => void> = {
  "a file": (path) => Deno.writeTextFileSync(path, "precious"),
  "a folder": (path) => Deno.mkdirSync(path),
  "a link to a file": (path) => {
    Deno.writeTextFileSync(`${path}.target`, "precious");
    Deno.symlinkSync(`${path}.target`, path);
  },
  "a link to a folder": (path) => Deno.symlinkSync(".", path),
  "a link to a stale socket": (path) => {
    makeStaleSocket(`${path}.target`);
    Deno.symlinkSync(`${path}.target`, path);
  },
  "a link to nothing": (path) => Deno.symlinkSync(`${path}.target`, path),
};

for (const [what, make] of Object.entries(others)) {
  for (const [name, open] of Object.entries(openers)) {
    Deno.test(`${name} leaves ${what} alone`, async () => {
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

Deno.test("the functions that open a Unix socket name the call, the path, the cause", async () => {
  await using folder = await temporaryFolder();
  const inFolder = (name: string) => `${folder.path}/${name}`;
  const long = (length: number) => inFolder("x").padEnd(length, "x");
  makeStaleSocket(inFolder("stale"));
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

for (const [name, open] of Object.entries(openers)) {
  Deno.test(`${name} lets one of many calls take over a socket`, PATIENCE, async () => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/socket`;
    for (let round = 1; round <= 50; round++) {
      makeStaleSocket(path);
      const calls = Array.from({ length: 5 }, () => open(path));
      const winners = [];
      for (const result of await Promise.allSettled(calls)) {
        if (result.status === "fulfilled") winners.push(result.value);
        else assertInstanceOf(result.reason, Deno.errors.AddrInUse, `round ${round}`);
      }
      assertEquals(winners.length, 1, `round ${round}: winners`);
      for (const socket of winners) {
        await socket.assertWorks(`round ${round}`);
        socket.close();
      }
    }
  });
}

/** Opens a listener for each byte that it reads, and closes it after one client that sends. */
const racer = `
  import { openUnixListener } from "${import.meta.resolve("../../lib/socket/unix.ts")}";
  const byte = new Uint8Array(1);
  for (let round = 1; await Deno.stdin.read(byte) !== null; round++) {
    try {
      const listener = await openUnixListener(Deno.args[0] + "/" + round);
      console.log("won");
      (async () => {
        for (let isClient = false; !isClient;) {
          const conn = await listener.accept();
          isClient = await conn.read(byte.slice()) !== null; // the other racer looks if it is alive
          conn.close();
        }
        listener.close();
      })();
    } catch (error) {
      console.log(error.message);
    }
  }`;

Deno.test("openUnixListener() lets one of two processes take over a socket", PATIENCE, async () => {
  await using folder = await temporaryFolder();
  await using a = new Process(["eval", racer, folder.path], true);
  await using b = new Process(["eval", racer, folder.path], true);
  const deadline = AbortSignal.timeout(PATIENCE.timeout);
  for (let round = 1; round <= 100; round++) {
    const path = `${folder.path}/${round}`;
    makeStaleSocket(path);
    await Promise.all([a.type("."), b.type(".")]);
    const results = [];
    for (const racer of [a, b]) {
      const lines = () => racer.stdout.split("\n");
      assert(await racer.until(() => lines().length > round, deadline), racer.describe());
      results.push(lines()[round - 1]);
    }
    assertEquals(results.sort(), [`bind ${path}: Address already in use`, "won"]);
    using client = await openUnixClient(path);
    await client.write(new Uint8Array([7]));
    assertEquals(await client.read(new Uint8Array(1)), null, path);
  }
});

Deno.test("openUnixListener() and openUnixDatagram() refuse an address that is no file", async () => {
  // An empty path lets the system choose an abstract address; a NUL in front makes one.
  for (const path of ["", "\0abstract"]) {
    for (const open of [openUnixListener, openUnixDatagram]) {
      await assertRejects(() => open(path), Error, `bind ${path}: `, JSON.stringify(path));
    }
  }
});
