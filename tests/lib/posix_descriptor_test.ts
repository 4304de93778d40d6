import { assert, assertEquals, assertThrows } from "@std/assert";
import * as posix from "../../posix.ts";
import { moveDescriptor } from "../support/descriptor_numbers.ts";
import { testWith } from "../support/test_with.ts";

const { Descriptor, F_GETFD, F_GETFL, FD_CLOEXEC, O_NONBLOCK, SOCK_DGRAM, SOCK_STREAM } = posix;
const { AF_INET, fcntl, MSG_DONTWAIT, recv, send, socketpair } = posix;

/** The numbers of the descriptors in these tests, which no other test uses. */
const NUMBERS = 1500;

const udp = () => moveDescriptor(posix.socket(AF_INET, SOCK_DGRAM), NUMBERS);

/** What /proc reports about a descriptor; `null` if it is not open. */
function fileOf(fd: number): string | null {
  try {
    return Deno.readLinkSync(`/proc/self/fd/${fd}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

testWith(
  ["Linux C library"],
  "a Descriptor is closed once: by using, `close()`, or not at all",
  () => {
    let fd = -1;
    {
      using descriptor = udp();
      fd = descriptor.fd;
      assert(fileOf(fd)?.startsWith("socket:"));
    }
    assertEquals(fileOf(fd), null);

    const closed = udp();
    assertEquals(closed.fd, fd);
    closed.close();
    assertEquals(closed.fd, -1);
    // Another file has the number now.
    using next = udp();
    assertEquals(next.fd, fd);
    closed.close();
    closed[Symbol.dispose]();
    assert(fileOf(next.fd)?.startsWith("socket:"));
    assertThrows(() => recv(closed, new Uint8Array(1)), Deno.errors.BadResource);
    assertEquals(recv(next, new Uint8Array(1)), -posix.EAGAIN);
    assertEquals(closed.release(), -1);

    const released = udp();
    const number = released.release();
    assertEquals(released.fd, -1);
    released.close();
    assert(fileOf(number)?.startsWith("socket:"));
    {
      using owner = new Descriptor(number);
      assertEquals(fcntl(owner, F_GETFD), FD_CLOEXEC);
    }
    assertEquals(fileOf(number), null);
    // The system closed it, and the error is thrown once.
    const wrong = new Descriptor(number);
    const error = assertThrows(() => wrong.close(), Deno.errors.BadResource);
    assertEquals(error.message, "close: Bad file descriptor");
    wrong.close();
  },
);

testWith(
  ["Linux C library"],
  "a call on a closed Descriptor does not affect the file that has its number",
  (folder) => {
    const path = `${folder}/file`;
    const socket = moveDescriptor(posix.socket(AF_INET, SOCK_STREAM), NUMBERS);
    const { fd } = socket;
    socket.close();
    using file = moveDescriptor(posix.open(path, posix.O_RDWR | posix.O_CREAT), NUMBERS);
    assertEquals(file.fd, fd);
    const bytes = new Uint8Array([1, 2, 3]);
    assertThrows(() => posix.write(socket, bytes), Deno.errors.BadResource);
    assertThrows(() => posix.sendfile(socket, file, 3), Deno.errors.BadResource);
    assertThrows(() => fcntl(socket, posix.F_SETFD, 0), Deno.errors.BadResource);
    const right = posix.rightsMessage([socket]);
    assertEquals(new Int32Array(right.data.buffer)[0], -1);
    assertEquals(Deno.readFileSync(path).length, 0);
    assertEquals(fcntl(file, F_GETFD), FD_CLOEXEC);
  },
);

/** Opens a descriptor in each way that posix.ts has. */
async function openAll(
  stack: DisposableStack,
  folder: string,
): Promise<Record<string, posix.Descriptor>> {
  const listener = stack.use(posix.socket(AF_INET, SOCK_STREAM));
  posix.bind(listener, { transport: "tcp", hostname: "127.0.0.1", port: 0 });
  posix.listen(listener, 5);
  const client = stack.use(posix.socket(AF_INET, SOCK_STREAM));
  posix.connect(client, posix.getsockname(listener));
  await posix.poll([{ descriptor: listener, events: posix.POLLIN }], 30_000);
  const server = posix.accept(listener);
  assert(server !== null);
  const [left, right] = socketpair(SOCK_STREAM);
  const control = [posix.rightsMessage([client])];
  posix.sendmsg(left, new posix.Message([new Uint8Array(1)], { control }));
  const message = new posix.Message([new Uint8Array(1)], { controlSize: 24 });
  posix.recvmsg(right, message);
  const [received] = posix.receivedDescriptors(message);
  assert(received !== undefined);
  const all = { client, server: server.socket, left, right, received };
  for (const each of Object.values(all)) stack.use(each);
  const file = stack.use(posix.open(`${folder}/file`, posix.O_WRONLY | posix.O_CREAT));
  assertEquals(fcntl(file, F_GETFD), FD_CLOEXEC);
  return all;
}

testWith(
  ["Linux C library"],
  "descriptors are close-on-exec, and sockets non-blocking",
  async (folder) => {
    using stack = new DisposableStack();
    const all = await openAll(stack, folder);
    for (const [name, descriptor] of Object.entries(all)) {
      assertEquals(fcntl(descriptor, F_GETFD), FD_CLOEXEC, name);
      assertEquals(fcntl(descriptor, F_GETFL) & O_NONBLOCK, O_NONBLOCK, name);
    }
    const { left, right } = all;
    assert(left !== undefined && right !== undefined);
    fcntl(right, posix.F_SETFL, fcntl(right, F_GETFL) & ~O_NONBLOCK);
    assertEquals(fcntl(right, F_GETFL) & O_NONBLOCK, 0);
    assertEquals(recv(right, new Uint8Array(1), MSG_DONTWAIT), -posix.EAGAIN);
    assertEquals(send(left, new Uint8Array(1)), 1);
    assertEquals(recv(right, new Uint8Array(8)), 1);
  },
);

testWith(
  ["Linux C library"],
  "a child process inherits none of the descriptors",
  async (folder) => {
    const command = new Deno.Command("ls", { args: ["/proc/self/fd"] });
    const list = async () => new TextDecoder().decode((await command.output()).stdout);
    const before = await list();
    using stack = new DisposableStack();
    await openAll(stack, folder);
    using poller = stack.use(new posix.Poller());
    const [left] = socketpair(SOCK_STREAM).map((each) => stack.use(each));
    assert(left !== undefined);
    poller.add(left, posix.EPOLLIN, () => {});
    assertEquals(await list(), before);
    // The check can fail: a descriptor without the flag is inherited.
    fcntl(left, posix.F_SETFD, 0);
    assertEquals((await list()).split("\n").length, before.split("\n").length + 1);
  },
);
