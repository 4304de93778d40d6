import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { exchange } from "../support/streams.ts";
import { processorTimeDuring } from "../support/proc.ts";
import { listeners, polling, reliable, selecting, unix } from "../support/servers.ts";
import { Server, withDescriptors } from "../support/server.ts";
import { stopwatch } from "../support/time.ts";
import { testWith } from "../support/test_with.ts";
import { startPython } from "../support/program.ts";
import { keeps } from "./promises.ts";

keeps("descriptors", "150 clients are served in turn with 64 descriptors", async (subject) => {
  await using server = await Server.start(subject, subject.quiet, withDescriptors(64));
  const served: Deno.Conn[] = [];
  const some = Promise.withResolvers<void>();
  const leave = Promise.withResolvers<void>();
  const clients = Array.from({ length: 150 }, async (_, i) => {
    using conn = await server.connect();
    await exchange(conn, `client ${i}\n`);
    if (served.push(conn) === 10) some.resolve();
    await leave.promise;
  });
  const watch = async () => {
    await server.process.prints(/^.*accept: Too many open files$/m);
    await some.promise;
    // They are served, and the server uses little processor time although it has no descriptors.
    const seconds = 2;
    let isOver = false;
    const measure = processorTimeDuring(server.process.pid, seconds * 1000)
      .finally(() => isOver = true);
    for (let i = 0; !isOver; i++) {
      for (const conn of served) await exchange(conn, `still here, ${i}\n`);
      await delay(100);
    }
    const used = await measure;
    assert(used < seconds / 4, `${subject.name} uses ${used} s of ${seconds}`);
    assert(served.length < 64, `${subject.name} serves ${served.length} clients`);
    const complaints = server.process.stderr.split("\n").length;
    assert(complaints < 40, `${subject.name} reports ${complaints} errors`);
    // When they leave, the others are served.
    leave.resolve();
  };
  await Promise.all([watch(), ...clients]);
  await server.assertServes();
  await server.assertEnds();
}, reliable);

keeps(
  "descriptors",
  "clients that hold all descriptors only delay the others",
  async (subject) => {
    await using server = await Server.start(subject, [], withDescriptors(64));
    const clients = await Promise.all(Array.from({ length: 100 }, () => server.connect()));
    await server.process.prints(/^accept: Too many open files$/m);
    const used = await processorTimeDuring(server.process.pid, 1000);
    assert(used < 0.5, `${subject.name} uses ${used} s of 1`);
    for (const conn of clients) conn.close();
    await server.assertServes();
    await server.assertEnds();
  },
  [...listeners, selecting, polling],
);

/** Connects 200 times from a path that is not UTF-8. */
const STRANGE_CLIENTS = `
import os, socket, sys
folder, server = map(os.fsencode, sys.argv[1:])
for i in range(200):
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.bind(folder + b"/\\xff%d" % i)
    client.connect(server)
    client.close()
`;
testWith(
  ["python3"],
  `${unix.name}: an accept failure does not delay the next client`,
  async (folder) => {
    await using server = await Server.start(unix);
    assert("path" in server.address);
    await using strange = startPython(STRANGE_CLIENTS, folder, server.address.path);
    const elapsed = stopwatch();
    assertEquals(await strange.exits(), 0, strange.describe());
    await server.assertServes();
    assert(elapsed() < 20_000, "it paused"); // a second after each failure
    await server.assertEnds();
  },
);
