import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import * as posix from "../../posix.ts";
import { moveDescriptor } from "../support/descriptor_numbers.ts";
import { runProgram } from "../support/program.ts";
import { testWith } from "../support/test_with.ts";
import { stopwatch } from "../support/time.ts";

// poll and select.

const { FdSet, poll, POLLHUP, POLLIN, POLLOUT, POLLRDHUP, select, SOCK_STREAM, socketpair } = posix;

function pair(stack: DisposableStack): [posix.Descriptor, posix.Descriptor] {
  const [left, right] = socketpair(SOCK_STREAM);
  return [stack.use(left), stack.use(right)];
}

function setOf(...descriptors: posix.Descriptor[]): posix.FdSet {
  const set = new FdSet();
  for (const descriptor of descriptors) set.add(descriptor);
  return set;
}

testWith(
  ["Linux C library"],
  "`poll()` and `select()` wait for the time limit, and not longer",
  async () => {
    using stack = new DisposableStack();
    const [left, right] = pair(stack);
    const entry = { descriptor: left, events: POLLIN, revents: 99 };
    for (const timeout of [0, 1, 0.5, 30, 30.5]) {
      let elapsed = stopwatch();
      assertEquals(await poll([entry], timeout), 0);
      assert(elapsed() >= timeout, `poll: ${elapsed()} of ${timeout} ms`);
      assertEquals(entry.revents, 0);
      const [reading, writing, urgent] = [setOf(left, right), setOf(), setOf(left)];
      elapsed = stopwatch();
      assertEquals(await select(reading, writing, urgent, timeout), 0);
      assert(elapsed() >= timeout, `select: ${elapsed()} of ${timeout} ms`);
      for (const set of [reading, writing, urgent]) assertEquals(set, new FdSet());
    }
    assertEquals(await poll([], 5), 0);
    assertEquals(await select(null, null, null, 5), 0);
    for (const timeout of [undefined, Infinity, 2 ** 31, 2 ** 53, Number.MAX_VALUE]) {
      const polling = poll([entry], timeout);
      const reading = setOf(left);
      const selecting = select(reading, null, null, timeout);
      posix.send(right, new Uint8Array(1));
      assertEquals([await polling, await selecting, entry.revents], [1, 1, POLLIN]);
      assertEquals(reading, setOf(left));
      posix.recv(left, new Uint8Array(1));
    }
    for (const timeout of [-1, NaN, -Infinity]) {
      const message = `: a timeout of ${timeout} ms is not at least 0 ms`;
      await assertRejects(() => poll([entry], timeout), RangeError, message);
      await assertRejects(() => select(setOf(left), null, null, timeout), RangeError, message);
    }
  },
);

testWith(["Linux C library"], "`poll()` reports each event", async () => {
  using stack = new DisposableStack();
  const [left, right] = pair(stack);
  const entries = [
    { descriptor: left, events: POLLIN | POLLOUT, revents: 0 },
    { descriptor: right, events: POLLIN | POLLRDHUP, revents: 0 },
    { descriptor: right, events: 0, revents: 0 },
  ];
  const events = async (...expected: number[]) => {
    const count = await poll(entries, 0);
    assertEquals(entries.map(({ revents }) => revents), expected);
    assertEquals(count, expected.filter((revents) => revents !== 0).length);
  };
  await events(POLLOUT, 0, 0);
  posix.send(left, new Uint8Array(1));
  await events(POLLOUT, POLLIN, 0);
  posix.shutdown(left, posix.SHUT_WR);
  await events(POLLOUT, POLLIN | POLLRDHUP, 0);
  left.close();
  entries.shift();
  await events(POLLIN | POLLRDHUP | POLLHUP, POLLHUP);
  using wrong = new posix.Descriptor(1 << 20);
  assertEquals(await poll([{ descriptor: wrong, events: 0 }]), 1);
  const entry: posix.PollEntry = { descriptor: wrong, events: POLLIN };
  await poll([entry]);
  assertEquals(entry.revents, posix.POLLNVAL);
  wrong.release();
});

testWith(
  ["Linux C library"],
  "`select()` leaves the descriptors that are ready in the sets",
  async () => {
    using stack = new DisposableStack();
    const [a, b] = pair(stack);
    const [c, d] = pair(stack);
    posix.send(a, new Uint8Array(1));
    posix.send(c, new Uint8Array(1));
    const [reading, writing] = [setOf(a, b, c, d), setOf(a, b)];
    assertEquals(await select(reading, writing, setOf(a), 1000), 4);
    assertEquals([reading, writing], [setOf(b, d), setOf(a, b)]);
    const copy = new FdSet(reading);
    copy.delete(b);
    assertEquals([copy.has(b), copy.has(d), reading.has(b)], [false, true, true]);
    d.close();
    assertEquals(copy.has(d), false);
    await assertRejects(
      () => select(copy, null, null, 1000),
      Deno.errors.BadResource,
      "select: Bad",
    );
  },
);

testWith(["Linux C library"], "an FdSet holds descriptors below FD_SETSIZE only", () => {
  const set = new FdSet();
  for (const fd of [1024, 1025, 1 << 20]) {
    const descriptor = new posix.Descriptor(fd);
    assertThrows(
      () => set.add(descriptor),
      RangeError,
      `FD_SET: descriptor ${fd} is not below FD_SETSIZE, 1024`,
    );
    set.delete(descriptor);
    assertEquals(set.has(descriptor), false);
  }
  const last = new posix.Descriptor(1023);
  set.add(last);
  assertEquals([set.has(last), set.end], [true, 1024]);
  for (let fd = 0; fd < 1024; fd++) {
    const one = setOf(new posix.Descriptor(fd));
    assertEquals([one.end, new FdSet(one).has(new posix.Descriptor(fd))], [fd + 1, true]);
  }
});

testWith(
  ["Linux C library"],
  "`poll()` does not report the file that has a closed descriptor's number",
  async () => {
    using stack = new DisposableStack();
    const [left] = socketpair(SOCK_STREAM).map((each) => stack.use(moveDescriptor(each, 1600)));
    assert(left !== undefined);
    const { fd } = left;
    const polling = assertRejects(
      () => poll([{ descriptor: left, events: POLLIN }], 50),
      Deno.errors.BadResource,
      "poll: Bad file descriptor",
    );
    left.close();
    const [other, peer] = pair(stack);
    using next = moveDescriptor(other, 1600);
    assertEquals(next.fd, fd);
    posix.send(peer, new Uint8Array(1)); // the descriptor with the number is ready
    await polling;
  },
);

testWith(
  ["Linux C library"],
  "file operations complete during several waits",
  async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "text");
    using stack = new DisposableStack();
    const pairs = Array.from({ length: 8 }, () => pair(stack));
    const waits = pairs.map(([left]) => poll([{ descriptor: left, events: POLLIN }]));
    const selects = pairs.map(([left]) => select(setOf(left), null, null));
    assertEquals(await Deno.readTextFile(`${folder}/file`), "text");
    for (const [, right] of pairs) posix.send(right, new Uint8Array(1));
    assertEquals(await Promise.all([...waits, ...selects]), Array(16).fill(1));
  },
);

testWith(
  ["Linux C library"],
  "timers, signals and promises continue while `poll()` and `select()` wait",
  async () => {
    const program = `
    import * as posix from ${JSON.stringify(import.meta.resolve("../../posix.ts"))};
    const [left, right] = posix.socketpair(posix.SOCK_STREAM);
    let [ticks, signals] = [0, 0];
    const timer = setInterval(() => ticks++, 1);
    Deno.addSignalListener("SIGUSR2", () => {
      if (++signals < 3) return Deno.kill(Deno.pid, "SIGUSR2");
      posix.send(right, new Uint8Array(1));
    });
    setTimeout(() => Deno.kill(Deno.pid, "SIGUSR2"), 20);
    const set = new posix.FdSet();
    set.add(left);
    const counts = await Promise.all([
      posix.poll([{ descriptor: left, events: posix.POLLIN }]),
      posix.select(set, null, null),
    ]);
    console.log(...counts, ticks > 0, signals);
    Deno.exit();`;
    const process = await runProgram(program, "--allow-all");
    assertEquals([process.code, process.stdout], [0, "1 1 true 3\n"], process.describe());
  },
);
