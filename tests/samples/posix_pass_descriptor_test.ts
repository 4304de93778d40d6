import { assertEquals, assertMatch } from "@std/assert";
import { startSample } from "../../contract/process.ts";
import { assertEnds } from "../support/end.ts";
import { startPython } from "../support/program.ts";
import { readSample } from "../../contract/header.ts";
import { testWith } from "../support/test_with.ts";

const LIBC = "Linux C library";
const PATH = "posix/pass_descriptor.ts";

testWith([LIBC], `${PATH} passes a listening socket to another process`, async () => {
  await using parent = startSample(PATH, []);
  assertEquals(await parent.exits(), 0, parent.describe());
  assertEquals(parent.stderr, "");
  const [, sender, sent, receiver, , from, user, group, server] = new RegExp(
    "^process (\\d+) sends descriptor (\\d+)\n" +
      "process (\\d+) has received descriptor (\\d+) from process (\\d+), user (\\d+), group (\\d+)\n" +
      "the client has received: accepted by process (\\d+)\n$",
  ).exec(parent.stdout) ?? [];
  assertMatch(sent ?? "", /^\d+$/, parent.describe());
  assertEquals([sender, from], [`${parent.pid}`, `${parent.pid}`], parent.describe());
  assertEquals([user, group], [`${Deno.uid()}`, `${Deno.gid()}`]);
  assertEquals(server, receiver);
  assertEquals(receiver === sender, false, "it is the same process");
});

/** A parent in Python, which runs the sample as its child; `run` returns the child's process. */
const PARENT = `
import atexit, os, socket, subprocess, sys
own, other = socket.socketpair()
def run():
    command = sys.argv[1:] + ["--descriptor=%d" % other.fileno()]
    child = subprocess.Popen(command, pass_fds=[other.fileno()])
    atexit.register(child.kill)
    other.close()
    return child
`;

const parents: Record<string, [program: string, code: number, stdout: RegExp, stderr: RegExp]> = {
  "that passes a listening socket": [
    `
l = socket.create_server(("127.0.0.1", 0))
c = socket.create_connection(l.getsockname(), 10)
socket.send_fds(own, [b"x"], [l.fileno()])
l.close()
child = run()
reply = c.recv(80)
assert reply == b"accepted by process %d" % child.pid, reply
print(os.getpid(), child.pid, flush=True)
sys.exit(child.wait())`,
    0,
    /^process (\d+) has received descriptor \d+ from process (\d+), .*\n\2 \1\n$/,
    /^$/,
  ],
  "that passes another descriptor, too": [
    `
l = socket.create_server(("127.0.0.1", 0))
a, b = socket.socketpair()
socket.send_fds(own, [b"x"], [l.fileno(), b.fileno()])
b.close()
child = run()
a.settimeout(60)
assert a.recv(1) == b"" # the child, which waits for a client, has closed it
c = socket.create_connection(l.getsockname(), 10)
assert c.recv(80) == b"accepted by process %d" % child.pid
sys.exit(child.wait())`,
    0,
    /^process \d+ has received descriptor .*\n$/,
    /^$/,
  ],
  "that passes no descriptor": [
    `own.send(b"x"); sys.exit(run().wait())`,
    1,
    /^$/,
    /^descriptor \d+: recvmsg: no descriptor received\n$/,
  ],
  "that closes its end": [
    `child = run(); own.close(); sys.exit(child.wait())`,
    1,
    /^$/,
    /^descriptor \d+: recvmsg: no descriptor received\n$/,
  ],
  "that passes a socket that is not listening": [
    `
a, b = socket.socketpair()
b.send(b"x")
socket.send_fds(own, [b"x"], [a.fileno()]); sys.exit(run().wait())`,
    1,
    /^process \d+ has received descriptor .*\n$/,
    /^descriptor \d+: accept: Invalid argument\n$/,
  ],
};
for (const [which, [program, code, stdout, stderr]] of Object.entries(parents)) {
  testWith(
    [LIBC, "python3"],
    `${PATH} --descriptor is the child of a process ${which}`,
    async () => {
      const command = [Deno.execPath(), "run", "--quiet", ...readSample(PATH).flags, PATH];
      await using parent = startPython(PARENT + program, ...command);
      assertEquals(await parent.exits(), code, parent.describe());
      assertMatch(parent.stdout, stdout);
      assertMatch(parent.stderr, stderr);
    },
  );
}

testWith([LIBC], `${PATH} --descriptor fails in one line for a wrong descriptor`, async () => {
  await using missing = startSample(PATH, ["--descriptor=999"]);
  await assertEnds(missing, 1, "", "descriptor 999: getsockopt: Bad file descriptor\n");
  await using pipe = startSample(PATH, ["--descriptor=1"]);
  await assertEnds(pipe, 1, "", "descriptor 1: getsockopt: Socket operation on non-socket\n");
});
