import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { Process } from "../../contract/process.ts";
import * as posix from "../../posix.ts";
import { assertEndsInTime } from "../support/end.ts";
import { processorTimeDuring } from "../support/proc.ts";
import { moveDescriptor } from "../support/descriptor_numbers.ts";
import { runProgram } from "../support/program.ts";
import { testWith } from "../support/test_with.ts";
import { waitFor } from "../support/time.ts";

// Poller: an event loop over epoll.

const { EPOLLIN, EPOLLOUT, Poller, recv, send, SOCK_STREAM, socketpair } = posix;
const byte = new Uint8Array(1);

function pair(stack: DisposableStack): [posix.Descriptor, posix.Descriptor] {
  const [left, right] = socketpair(SOCK_STREAM);
  return [stack.use(left), stack.use(right)];
}

/** Waits until the loops of the pollers have turned a few times. */
async function turns(): Promise<void> {
  for (let i = 0; i < 3; i++) await posix.poll([], 2);
}

testWith(["Linux C library"], "a Poller is level-triggered", async () => {
  using stack = new DisposableStack();
  using poller = new Poller();
  const [left, right] = pair(stack);
  send(left, new Uint8Array(5));
  const events: number[] = [];
  poller.add(right, EPOLLIN, (_, ready) => {
    events.push(ready);
    assertEquals(recv(right, byte), 1);
  });
  await waitFor(() => events.length === 5, "a call for each byte");
  await turns();
  assertEquals(events, Array(5).fill(EPOLLIN));
});

testWith(
  ["Linux C library"],
  "`Poller.modify()` and `Poller.remove()` change the events that are reported",
  async () => {
    using stack = new DisposableStack();
    using poller = new Poller();
    const [left, right] = pair(stack);
    let calls: number[] = [];
    poller.add(right, 0, (_, events) => {
      calls.push(events);
      if (calls.length === 3) poller.modify(right, 0);
    });
    send(left, byte);
    await turns();
    assertEquals(calls, []);
    poller.modify(right, EPOLLIN | EPOLLOUT);
    await waitFor(() => calls.length === 3, "it is ready");
    await turns();
    assertEquals(calls, Array(3).fill(EPOLLIN | EPOLLOUT));
    calls = [];
    poller.modify(right, EPOLLOUT | posix.EPOLLONESHOT);
    await waitFor(() => calls.length === 1, "it is ready");
    await turns();
    assertEquals(calls, [EPOLLOUT]);
    poller.modify(right, EPOLLIN);
    poller.remove(right);
    await turns();
    assertEquals(calls, [EPOLLOUT]);
    const text = "epoll_ctl: No such file or directory";
    assertThrows(() => poller.remove(right), Deno.errors.NotFound, text);
    assertThrows(() => poller.modify(right, EPOLLIN), Deno.errors.NotFound, text);
    poller.add(right, 0, () => void calls.push(7));
    const twice = () => poller.add(right, EPOLLIN, () => {});
    assertThrows(twice, Deno.errors.AlreadyExists, "epoll_ctl: File exists");
    left.close();
    await waitFor(() => calls.length > 1, "a hang-up is always reported");
  },
);

/** What a function does with another descriptor that is ready in the same batch. */
const ways: Record<string, (poller: posix.Poller, other: posix.Descriptor) => void> = {
  "removes": (poller, other) => poller.remove(other),
  "closes": (_poller, other) => other.close(),
  "releases": (_poller, other) => new posix.Descriptor(other.release()).close(),
  "pauses": (poller, other) => poller.modify(other, 0),
};

for (const [verb, act] of Object.entries(ways)) {
  testWith(
    ["Linux C library"],
    `a function that ${verb} a descriptor prevents its call`,
    async () => {
      using stack = new DisposableStack();
      using poller = new Poller();
      const pairs = Array.from({ length: 6 }, () => pair(stack));
      const called: number[] = [];
      for (const [index, [left, right]] of pairs.entries()) {
        send(left, byte);
        poller.add(right, EPOLLIN, () => {
          called.push(index);
          for (const [, other] of pairs) {
            if (other.fd !== -1 || verb === "pauses") {
              try {
                act(poller, other);
              } catch (error) {
                assert(error instanceof Deno.errors.NotFound, `${error}`); // removed
              }
            }
          }
        });
      }
      await waitFor(() => called.length > 0, "one is called");
      await turns();
      assertEquals(called, [0]);
    },
  );
}

testWith(
  ["Linux C library"],
  "a descriptor receives no event of an earlier descriptor with its number",
  async () => {
    using stack = new DisposableStack();
    using poller = new Poller();
    const called: string[] = [];
    const [left, low] = pair(stack);
    const [first, lower] = pair(stack);
    const [right, second] = [stack.use(moveDescriptor(low, 1700)), moveDescriptor(lower, 1700)];
    stack.use(second);
    send(left, byte);
    send(first, byte);
    const act = (name: string, other: posix.Descriptor) => () => {
      called.push(name);
      if (called.length > 1) return;
      const { fd } = other;
      other.close();
      const [, idle] = pair(stack);
      const again = stack.use(moveDescriptor(idle, 1700));
      assertEquals(again.fd, fd);
      poller.add(again, EPOLLIN, () => void called.push("stale"));
      poller.remove(name === "right" ? right : second);
    };
    poller.add(right, EPOLLIN, act("right", second));
    poller.add(second, EPOLLIN, act("second", right));
    await waitFor(() => called.length > 0, "one is called");
    await turns();
    assertEquals(called.length, 1, `${called}`);
  },
);

testWith(
  ["Linux C library"],
  "the loop waits for a function's promise, then calls the others",
  async () => {
    using stack = new DisposableStack();
    using poller = new Poller();
    const events: string[] = [];
    const [a, b] = [pair(stack), pair(stack)];
    const { promise, resolve } = Promise.withResolvers<void>();
    for (const [name, [left, right]] of [["a", a], ["b", b]] as const) {
      send(left, byte);
      poller.add(right, EPOLLIN, async () => {
        recv(right, byte);
        events.push(`${name} begins`);
        await promise;
        events.push(`${name} ends`);
      });
    }
    await turns();
    assertEquals(events, ["a begins"]);
    resolve();
    await waitFor(() => events.length === 4, "both end");
    assertEquals(events, ["a begins", "a ends", "b begins", "b ends"]);
  },
);

testWith(
  ["Linux C library"],
  "an error of a function is an uncaught error, and the loop continues if it is handled",
  async () => {
    const program = (handler: string, onReady: string) => `
    import * as posix from ${JSON.stringify(import.meta.resolve("../../posix.ts"))};
    ${handler}
    const poller = new posix.Poller();
    for (const k of [1, 2, 3]) {
      const [left, right] = posix.socketpair(posix.SOCK_STREAM);
      posix.send(left, new Uint8Array(1));
      poller.add(right, posix.EPOLLIN, ${onReady});
    }`;
    const handler = `addEventListener("error", (event) => {
    event.preventDefault();
    console.log(event.error.message);
  });`;
    const failing = [
      "() => { poller.remove(right); throw new Error(`bug ${k}`); }",
      "async () => { poller.remove(right); await 0; throw new Error(`bug ${k}`); }",
    ];
    for (const onReady of failing) {
      const survivor = await runProgram(program(handler, onReady), "--allow-all");
      const said = [survivor.code, survivor.stdout, survivor.stderr];
      assertEquals(said, [0, "bug 1\nbug 2\nbug 3\n", ""], survivor.describe());
      const victim = await runProgram(program("", onReady), "--allow-all");
      assertEquals([victim.code, victim.stdout], [1, ""], victim.describe());
      assertMatch(victim.stderr, /Uncaught.*Error: bug 1/);
    }
  },
);

testWith(
  ["Linux C library"],
  "`Poller.close()` ends the loop, and leaves the descriptors open",
  async () => {
    using stack = new DisposableStack();
    const [left, right] = pair(stack);
    const poller = new Poller();
    let calls = 0;
    poller.add(right, EPOLLIN, () => void calls++);
    await turns(); // it waits
    poller.close();
    poller.close();
    send(left, byte);
    await turns();
    assertEquals(calls, 0);
    assertEquals(recv(right, byte), 1);
    const text = "epoll_ctl: Bad file descriptor";
    assertThrows(() => poller.add(right, EPOLLIN, () => {}), Deno.errors.BadResource, text);
    assertThrows(() => poller.modify(right, EPOLLIN), Deno.errors.BadResource, text);
    assertThrows(() => poller.remove(right), Deno.errors.BadResource, text);
    right.close(); // it is registered with no poller

    // From a function, in the same turn, before the first turn, and without descriptors.
    const [a, b] = pair(stack);
    send(a, byte);
    const second = new Poller();
    second.add(b, EPOLLIN, () => {
      calls++;
      second.close();
      assertThrows(() => second.modify(b, EPOLLIN), Deno.errors.BadResource, text);
      assertThrows(() => second.add(b, EPOLLIN, () => {}), Deno.errors.BadResource, text);
    });
    await waitFor(() => calls === 1, "it is called");
    const third = new Poller();
    third.add(b, EPOLLIN, () => void calls++);
    third.close();
    await turns();
    assertEquals(calls, 1);
  },
);

testWith(
  ["Linux C library"],
  "two pollers, and a descriptor that moves from one to the other",
  async () => {
    using stack = new DisposableStack();
    using one = new Poller();
    using two = new Poller();
    const [left, right] = pair(stack);
    const calls: string[] = [];
    one.add(right, EPOLLIN, () => {
      calls.push("one");
      one.remove(right);
      two.add(right, EPOLLIN, () => {
        calls.push("two");
        two.remove(right);
      });
    });
    send(left, byte);
    await waitFor(() => calls.length === 2, "both are called");
    await turns();
    assertEquals(calls, ["one", "two"]);
    for (let i = 0; i < 300; i++) {
      // Added and removed at once, again and again: no wake-up is lost.
      const ready = Promise.withResolvers<void>();
      const poller = i % 2 === 0 ? one : two;
      poller.add(right, EPOLLIN, () => {
        poller.remove(right);
        ready.resolve();
      });
      if (i % 5 === 0) await new Promise((resolve) => setTimeout(resolve));
      await ready.promise;
    }
  },
);

testWith(
  ["Linux C library"],
  "more descriptors are ready than one epoll_wait returns",
  async () => {
    // A process of its own, because other tests in this one need numbers below FD_SETSIZE.
    const program = `
    import * as posix from ${JSON.stringify(import.meta.resolve("../../posix.ts"))};
    const poller = new posix.Poller();
    const byte = new Uint8Array(1);
    let left = 1100;
    const pairs = Array.from({ length: left }, () => posix.socketpair(posix.SOCK_STREAM));
    for (const [client, server] of pairs) {
      posix.send(client, byte);
      let calls = 0;
      poller.add(server, posix.EPOLLIN, () => {
        if (++calls === 2) posix.recv(server, byte);
        if (calls === 2 && --left === 0) poller.close();
        if (calls > 2) console.log("a call too many");
      });
    }`;
    const process = await runProgram(program, "--allow-all");
    assertEquals([process.code, process.stdout], [0, ""], process.describe());
  },
);

testWith(
  ["Linux C library"],
  "timers, signals and promises continue while a socket is always ready",
  async () => {
    const program = `
    import * as posix from ${JSON.stringify(import.meta.resolve("../../posix.ts"))};
    const poller = new posix.Poller();
    const [left, right] = posix.socketpair(posix.SOCK_STREAM);
    posix.send(left, new Uint8Array(1));
    let [calls, ticks, signals, files] = [0, 0, 0, 0];
    poller.add(right, posix.EPOLLIN, () => void calls++);
    setInterval(() => ticks++, 10);
    Deno.addSignalListener("SIGUSR2", () => signals++);
    setInterval(() => Deno.kill(Deno.pid, "SIGUSR2"), 20);
    (async () => {
      for (;;) {
        await Deno.stat(".");
        files++;
      }
    })();
    const check = setInterval(() => {
      if (ticks < 20 || signals < 5 || files < 5) return;
      console.log(calls > ticks);
      Deno.exit();
    }, 5);`;
    const process = await runProgram(program, "--allow-all");
    assertEquals([process.code, process.stdout], [0, "true\n"], process.describe());
  },
);

testWith(["Linux C library"], "`Poller.close()` closes its own descriptors", async () => {
  // A process of its own, because other tests open descriptors in this one.
  const program = `
    import * as posix from ${JSON.stringify(import.meta.resolve("../../posix.ts"))};
    const count = () => [...Deno.readDirSync("/proc/self/fd")].length;
    const [, right] = posix.socketpair(posix.SOCK_STREAM);
    await posix.poll([], 1); // starts a thread of the pool
    const before = count();
    for (let i = 0; i < 20; i++) {
      const poller = new posix.Poller();
      if (i > 0) poller.add(right, posix.EPOLLIN, () => {});
      if (i % 2 === 0) await posix.poll([], 2); // it waits
      poller.close();
    }
    while (count() !== before) await posix.poll([], 2);
    console.log("closed");`;
  const process = await runProgram(program, "--allow-all");
  assertEquals([process.code, process.stdout], [0, "closed\n"], process.describe());
});

/** Starts a program with a poller, and a descriptor that is not ready. */
function startIdle(rest: string): Process {
  const program = `
    import * as posix from ${JSON.stringify(import.meta.resolve("../../posix.ts"))};
    const poller = new posix.Poller();
    const [left, right] = posix.socketpair(posix.SOCK_STREAM);
    poller.add(right, posix.EPOLLIN, () => console.log("ready"));
    console.log("waiting");
    ${rest}`;
  return new Process(["eval", program], false);
}

testWith(["Linux C library"], "a Poller that waits uses no processor time", async () => {
  await using process = startIdle("");
  await process.prints(/waiting/);
  const seconds = 1;
  const used = await processorTimeDuring(process.pid, seconds * 1000);
  assert(used < seconds / 4, `${used} s of ${seconds} s`); // a loop that spins uses all of it
  assertEquals(process.code, undefined, "it keeps the process alive");
});

testWith(["Linux C library"], "the process ends when a Poller has no descriptors", async () => {
  const ends = {
    "close": "right.close()",
    "remove": "poller.remove(right)",
    "release": "right.release()",
    "the poller's close": "poller.close()",
  };
  await Promise.all(
    Object.entries(ends).map(async ([name, end]) => {
      await using process = startIdle(`setTimeout(() => { ${end}; console.log("closed"); }, 50);`);
      await process.prints(/closed/);
      await assertEndsInTime(process, 0, 5000);
      assertEquals(process.stdout, "waiting\nclosed\n", name);
    }),
  );
});
