import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import * as posix from "../../posix.ts";
import { bytes, randomBytes } from "../support/bytes.ts";
import { runProgram } from "../support/program.ts";
import { testWith } from "../support/test_with.ts";

// struct msghdr, struct cmsghdr and struct mmsghdr: the messages of sendmsg, recvmsg, sendmmsg and recvmmsg.

const { SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET } = posix;
const { Message, MessageBatch, recvmmsg, recvmsg, sendmmsg, sendmsg } = posix;

/** A pair of connected Unix-domain sockets. */
function pair(stack: DisposableStack, type: number): [posix.Descriptor, posix.Descriptor] {
  const [left, right] = posix.socketpair(type);
  return [stack.use(left), stack.use(right)];
}

/** A UDP socket on loopback. */
function udp(stack: DisposableStack, hostname: string): posix.Descriptor {
  const address = { transport: "udp", hostname, port: 0 } as const;
  const socket = stack.use(posix.socket(posix.addressFamily(address), SOCK_DGRAM));
  posix.bind(socket, address);
  return socket;
}

/** The number of descriptors that refer to a socket. Other tests in this process open and close theirs. */
function countDescriptors({ fd }: posix.Descriptor): number {
  const folder = "/proc/self/fd";
  const socket = Deno.readLinkSync(`${folder}/${fd}`);
  return [...Deno.readDirSync(folder)].filter(({ name }) => {
    try {
      return Deno.readLinkSync(`${folder}/${name}`) === socket;
    } catch {
      return false; // another test has closed it
    }
  }).length;
}

testWith(
  ["Linux C library"],
  "`sendmsg()` gathers buffers, and `recvmsg()` scatters into them",
  () => {
    for (const type of [SOCK_STREAM, SOCK_DGRAM, posix.SOCK_SEQPACKET]) {
      using stack = new DisposableStack();
      const [left, right] = pair(stack, type);
      const all = randomBytes(1000, 7);
      const pieces = [0, 1, 1, 300, 300, 700, 1000].map((end, index, ends) => {
        return all.subarray(ends[index - 1] ?? 0, end); // views of one buffer; some are empty
      });
      assertEquals(sendmsg(left, new Message(pieces)), 1000);
      const parts = [3, 0, 990, 100].map((size) => new Uint8Array(size));
      const message = new Message(parts);
      assertEquals(recvmsg(right, message), 1000);
      assertEquals(parts[0], all.subarray(0, 3));
      assertEquals(parts[2], all.subarray(3, 993));
      assertEquals(parts[3]?.subarray(0, 7), all.subarray(993));
      assertEquals(message.data, parts);
      assertEquals([message.from, message.control], [undefined, []]);
      // Without buffers, and with more than the system allows.
      assertEquals(recvmsg(right, new Message([])), -posix.EAGAIN);
      const many = Array.from({ length: 1025 }, () => new Uint8Array(1));
      assertThrows(() => sendmsg(left, new Message(many)), Error, "sendmsg: Message too long");
      assertEquals(sendmsg(left, new Message(many.slice(1))), 1024);
    }
  },
);

testWith(
  ["Linux C library"],
  "a Message reports truncation, and can be used for another `recvmsg()`",
  () => {
    using stack = new DisposableStack();
    const [left, right] = pair(stack, SOCK_DGRAM);
    const message = new Message([new Uint8Array(2), new Uint8Array(2)]);
    for (
      const [text, flag] of [["abcde", posix.MSG_TRUNC], ["abcd", 0], ["", 0], [
        "abcdef",
        32,
      ]] as const
    ) {
      posix.send(left, bytes(text));
      assertEquals(recvmsg(right, message), Math.min(text.length, 4), text);
      assertEquals(message.flags & posix.MSG_TRUNC, flag, text);
    }
    posix.send(left, bytes("abcde"));
    assertEquals(recvmsg(right, message, posix.MSG_PEEK | posix.MSG_TRUNC), 5);
    assertEquals(recvmsg(right, message), 4);
  },
);

testWith(
  ["Linux C library", "IPv6"],
  "a Message has the sender of a datagram, and sends to an address",
  () => {
    for (const hostname of ["127.0.0.1", "::1"]) {
      using stack = new DisposableStack();
      const [a, b] = [udp(stack, hostname), udp(stack, hostname)];
      const to = posix.getsockname(b);
      assertEquals(sendmsg(a, new Message([bytes("he"), bytes("llo")], { to })), 5);
      const message = new Message([new Uint8Array(80)]);
      assertEquals(recvmsg(b, message), 5);
      assertEquals(message.from, posix.getsockname(a));
      assertEquals(sendmsg(a, new Message([], { to })), 0); // an empty datagram
      assertEquals(recvmsg(b, message), 0);
      assertEquals(message.from, posix.getsockname(a));
    }
  },
);

testWith(
  ["Linux C library"],
  "after a `recvmsg()` that receives nothing, a Message is empty",
  (folder) => {
    using stack = new DisposableStack();
    const [left, right] = pair(stack, SOCK_DGRAM);
    using file = posix.open(`${folder}/file`, posix.O_RDWR | posix.O_CREAT);
    sendmsg(left, new Message([], { control: [posix.rightsMessage([file])] }));
    const message = new Message([new Uint8Array(8)], { controlSize: 24 });
    assertEquals(recvmsg(right, message), 0);
    const descriptors = posix.receivedDescriptors(message);
    assertEquals(descriptors.length, 1);
    // The descriptors of the last message must not appear a second time: another file may have their numbers.
    assertEquals(recvmsg(right, message), -posix.EAGAIN);
    assertEquals([message.control, message.from], [[], undefined]);
    assertEquals(posix.receivedDescriptors(message), []);
    for (const each of descriptors) each.close();
    left.close();
    const closed = posix.socket(posix.AF_INET, SOCK_DGRAM);
    closed.close();
    assertThrows(() => recvmsg(closed, message), Deno.errors.BadResource);
    assertEquals([message.control, message.from, message.flags], [[], undefined, 0]);
  },
);

testWith(["Linux C library"], "control messages of several kinds arrive together", () => {
  using stack = new DisposableStack();
  const [left, right] = pair(stack, SOCK_DGRAM);
  posix.setsockopt(right, SOL_SOCKET, posix.SO_PASSCRED, 1);
  const own = new Int32Array([Deno.pid, Deno.uid() ?? 0, Deno.gid() ?? 0]);
  const credentials = {
    level: SOL_SOCKET,
    type: posix.SCM_CREDENTIALS,
    data: new Uint8Array(own.buffer),
  };
  const control = [posix.rightsMessage([left, right, left]), credentials];
  assertEquals(sendmsg(left, new Message([bytes("x")], { control })), 1);
  const message = new Message([new Uint8Array(8)], { controlSize: 256 });
  assertEquals(recvmsg(right, message), 1);
  assertEquals(message.flags & posix.MSG_CTRUNC, 0);
  const kinds = message.control.map(({ level, type, data }) => [level, type, data.length]);
  assertEquals(kinds.toSorted(), [[SOL_SOCKET, posix.SCM_RIGHTS, 12], [SOL_SOCKET, 2, 12]]);
  const [got] = message.control.filter(({ type }) => type === posix.SCM_CREDENTIALS);
  assertEquals(got, credentials);
  const received = posix.receivedDescriptors(message);
  assertEquals(new Set(received.map(({ fd }) => fd)).size, 3);
  for (const descriptor of received) {
    stack.use(descriptor);
    assertEquals(posix.fcntl(descriptor, posix.F_GETFD), posix.FD_CLOEXEC);
    assertEquals(posix.getsockopt(descriptor, SOL_SOCKET, posix.SO_TYPE), SOCK_DGRAM);
  }
  posix.send(right, bytes("to left, through a descriptor"));
  assert(received[0] !== undefined);
  assertEquals(posix.recv(received[0], new Uint8Array(80)), 29);
});

testWith(["Linux C library", "IPv6"], "control messages of IP, received and sent", () => {
  using stack = new DisposableStack();
  const [a, b] = [udp(stack, "127.0.0.1"), udp(stack, "127.0.0.1")];
  const { IPPROTO_IP, IP_TTL } = posix;
  posix.setsockopt(b, IPPROTO_IP, posix.IP_RECVTTL, 1);
  posix.setsockopt(b, IPPROTO_IP, posix.IP_PKTINFO, 1);
  const data = new Uint8Array(new Int32Array([77]).buffer);
  const to = posix.getsockname(b);
  sendmsg(a, new Message([], { to, control: [{ level: IPPROTO_IP, type: IP_TTL, data }] }));
  const message = new Message([], { controlSize: 128 });
  assertEquals(recvmsg(b, message), 0);
  const received = new Map(message.control.map(({ type, data }) => [type, data]));
  assertEquals(received.get(IP_TTL), data);
  // struct in_pktinfo: the interface, the local address, the destination
  assertEquals(received.get(posix.IP_PKTINFO)?.subarray(8), new Uint8Array([127, 0, 0, 1]));
  const bad = [{ level: IPPROTO_IP, type: IP_TTL, data: data.subarray(1) }];
  assertThrows(() => sendmsg(a, new Message([], { to, control: bad })), Error, "sendmsg: Invalid");
});

testWith(
  ["Linux C library"],
  "the system closes descriptors that do not fit, and sets MSG_CTRUNC",
  () => {
    using stack = new DisposableStack();
    const [left, right] = pair(stack, SOCK_STREAM);
    const control = [posix.rightsMessage([left, left, left, left, left])];
    for (let size = 0; size <= 40; size++) {
      for (const room of ["recvmsg", "recv"]) {
        assertEquals(sendmsg(left, new Message([bytes("x")], { control })), 1);
        if (room === "recv") {
          assertEquals(posix.recv(right, new Uint8Array(8)), 1);
        } else {
          const message = new Message([new Uint8Array(8)], { controlSize: size });
          assertEquals(recvmsg(right, message), 1);
          const received = posix.receivedDescriptors(message);
          // The room is rounded up to 8 bytes, of which the header occupies 16.
          const fit = Math.min(5, Math.max(0, (Math.ceil(size / 8) * 8 - 16) / 4));
          assertEquals(received.length, fit, `${size}`);
          assertEquals((message.flags & posix.MSG_CTRUNC) !== 0, fit < 5, `${size}`);
          for (const descriptor of received) descriptor.close();
        }
        assertEquals(countDescriptors(left), 1, `${size} ${room}`);
      }
    }
    assertThrows(
      () =>
        sendmsg(
          left,
          new Message([bytes("x")], { control: [posix.rightsMessage(Array(254).fill(left))] }),
        ),
      Error,
      "sendmsg: ",
    );
    const closed = posix.socket(posix.AF_INET, SOCK_DGRAM);
    closed.close();
    const dead = new Message([bytes("x")], { control: [posix.rightsMessage([closed])] });
    assertThrows(
      () => sendmsg(left, dead),
      Deno.errors.BadResource,
      "sendmsg: Bad file descriptor",
    );
  },
);

testWith(["Linux C library"], "a descriptor that is not received is closed with its socket", () => {
  const [left, right] = posix.socketpair(SOCK_STREAM);
  const [witness, passed] = posix.socketpair(SOCK_STREAM);
  sendmsg(left, new Message([bytes("x")], { control: [posix.rightsMessage([passed])] }));
  passed.close();
  assertEquals(posix.recv(witness, new Uint8Array(1)), -posix.EAGAIN); // still open, in the queue
  left.close();
  right.close();
  assertEquals(posix.recv(witness, new Uint8Array(1)), 0);
  witness.close();
});

testWith(
  ["Linux C library", "IPv6"],
  "a MessageBatch receives and sends datagrams of any size",
  () => {
    for (const hostname of ["127.0.0.1", "::1"]) {
      using stack = new DisposableStack();
      const [client, server] = [udp(stack, hostname), udp(stack, hostname)];
      const batch = new MessageBatch(4, 8);
      const texts = ["one", "", "12345678", "123456789", "five", "", "seven"];
      for (const text of texts) posix.sendto(client, bytes(text), posix.getsockname(server));
      const came: [string, boolean][] = [];
      const counts = [];
      for (let count = 0; (count = recvmmsg(server, batch)) > 0;) {
        counts.push(count);
        for (let i = 0; i < count; i++) {
          came.push([new TextDecoder().decode(batch.message(i)), batch.isTruncated(i)]);
          assertEquals(batch.from(i), posix.getsockname(client));
        }
        assertEquals(sendmmsg(server, batch, 0, count), count); // echo
      }
      assertEquals(counts, [4, 3]); // more messages than the batch
      assertEquals(recvmmsg(server, batch), -posix.EAGAIN);
      assertEquals(came, texts.map((text) => [text.slice(0, 8), text.length > 8]));
      const replies = texts.map(() => {
        const reply = new Uint8Array(80);
        const received = posix.recvfrom(client, reply);
        assertEquals(received?.from, posix.getsockname(server));
        return new TextDecoder().decode(reply.subarray(0, received?.size));
      });
      assertEquals(replies, texts.map((text) => text.slice(0, 8)));
    }
  },
);

testWith(
  ["Linux C library"],
  "`sendmmsg()` sends a part of a MessageBatch, and rejects other ranges",
  () => {
    using stack = new DisposableStack();
    const [client, server] = [udp(stack, "127.0.0.1"), udp(stack, "127.0.0.1")];
    for (const text of ["a", "b", "c", "d"]) {
      posix.sendto(client, bytes(text), posix.getsockname(server));
    }
    const batch = new MessageBatch(4, 8);
    assertEquals(recvmmsg(server, batch), 4);
    assertEquals(sendmmsg(server, batch, 1, 3), 2);
    assertEquals(sendmmsg(server, batch, 2, 2), 0);
    const reply = new Uint8Array(8);
    for (const text of ["b", "c"]) {
      assertEquals(posix.recv(client, reply), 1);
      assertEquals(reply.subarray(0, 1), bytes(text));
    }
    // Otherwise the system would read and send memory outside the batch.
    for (
      const [start, end] of [[0, 5], [-1, 2], [3, 2], [0, NaN], [NaN, 1], [0.5, 2], [0, 2 ** 32]]
    ) {
      assertThrows(
        () => sendmmsg(server, batch, start ?? 0, end ?? 0),
        RangeError,
        `sendmmsg: ${start} to ${end} is not in a batch of 4`,
      );
    }
    assertEquals(posix.recv(client, reply), -posix.EAGAIN);
  },
);

testWith(["Linux C library"], "a MessageBatch has a positive capacity and a size", () => {
  for (const capacity of [0, -1, 1.5, NaN, 1025]) {
    assertThrows(() => new MessageBatch(capacity, 8), RangeError, `${capacity}`);
  }
  for (const size of [-1, 1.5, NaN]) {
    assertThrows(() => new MessageBatch(4, size), RangeError, `${size}`);
  }
  using stack = new DisposableStack();
  const [client, server] = [udp(stack, "127.0.0.1"), udp(stack, "127.0.0.1")];
  const batch = new MessageBatch(1024, 0);
  for (const text of ["", "x"]) posix.sendto(client, bytes(text), posix.getsockname(server));
  assertEquals(recvmmsg(server, batch), 2);
  assertEquals([0, 1].map((i) => [batch.message(i).length, batch.isTruncated(i)]), [[0, false], [
    0,
    true,
  ]]);
});

testWith(
  ["Linux C library"],
  "a datagram that cannot be sent ends `sendmmsg()`, which reports it next",
  (folder) => {
    using server = posix.socket(posix.AF_UNIX, SOCK_DGRAM);
    posix.bind(server, { transport: "unixpacket", path: `${folder}/server` });
    const clients = Array.from({ length: 3 }, (_, index) => {
      const client = posix.socket(posix.AF_UNIX, SOCK_DGRAM);
      if (index !== 1) posix.bind(client, { transport: "unixpacket", path: `${folder}/${index}` });
      posix.sendto(client, bytes(`${index}`), {
        transport: "unixpacket",
        path: `${folder}/server`,
      });
      return client;
    });
    const batch = new MessageBatch(8, 8);
    assertEquals(recvmmsg(server, batch), 3);
    assertEquals(batch.from(1), { transport: "unixpacket", path: "" });
    assertEquals(sendmmsg(server, batch, 0, 3), 1);
    assertThrows(() => sendmmsg(server, batch, 1, 3), Deno.errors.NotConnected, "sendmmsg: ");
    assertEquals(sendmmsg(server, batch, 2, 3), 1);
    assertEquals(clients.map((client) => posix.recv(client, new Uint8Array(8))), [
      1,
      -posix.EAGAIN,
      1,
    ]);
    for (const client of clients) client.close();
  },
);

testWith(
  ["Linux C library"],
  "`sendAll()` sends the other datagrams if some fail",
  async () => {
    using stack = new DisposableStack();
    const [client, server] = [udp(stack, "127.0.0.1"), udp(stack, "127.0.0.1")];
    const to = posix.getsockname(server) as Deno.NetAddr;
    const broadcast = { ...to, hostname: "255.255.255.255" }; // without SO_BROADCAST: EACCES
    const batch = new MessageBatch(8, 8);
    for (const address of [broadcast, to, broadcast, broadcast, to, to, broadcast]) {
      batch.push(bytes(`${batch.count}`), address);
    }
    for (const throwIt of [false, true]) {
      const errors: string[] = [];
      await posix.sendAll(client, batch, (error) => {
        errors.push(error.message);
        if (throwIt) throw new Error("an onError that throws, as intended"); // printed on stderr
      });
      assertEquals(errors, Array(4).fill("sendmmsg: Permission denied"));
      const received = new MessageBatch(8, 8);
      assertEquals(recvmmsg(server, received), 3);
      const texts = [0, 1, 2].map((index) => new TextDecoder().decode(received.message(index)));
      assertEquals(texts, ["1", "4", "5"]);
    }
    batch.clear();
    await posix.sendAll(client, batch);
    assertEquals(posix.recv(server, new Uint8Array(8)), -posix.EAGAIN);
  },
);

testWith(["Linux C library"], "`sendAll()` waits until the socket has room", async () => {
  using stack = new DisposableStack();
  // Datagrams that are not received occupy the sender's buffer only between Unix-domain sockets.
  const [left, right] = pair(stack, SOCK_DGRAM);
  const batch = new MessageBatch(8, 1000);
  for (let index = 0; index < 8; index++) posix.send(right, new Uint8Array(1000).fill(index));
  assertEquals(recvmmsg(left, batch), 8);
  posix.setsockopt(left, SOL_SOCKET, posix.SO_SNDBUF, 1); // the minimum
  const sending = posix.sendAll(left, batch);
  const received: number[] = [];
  const buffer = new Uint8Array(1000);
  const receive = () => {
    while (posix.recv(right, buffer) !== -posix.EAGAIN) received.push(buffer[0] ?? -1);
  };
  receive();
  assert(received.length < 8, "the buffer has room for all");
  while (received.length < 8) {
    assertEquals(await posix.poll([{ descriptor: right, events: posix.POLLIN }], 30_000), 1);
    receive();
  }
  await sending;
  assertEquals(received, [0, 1, 2, 3, 4, 5, 6, 7]);
});

testWith(["Linux C library"], "`sendAll()` rejects if the socket is closed", async () => {
  using stack = new DisposableStack();
  const [left, right] = pair(stack, SOCK_DGRAM);
  const batch = new MessageBatch(8, 8);
  for (let index = 0; index < 8; index++) posix.send(right, bytes("hello"));
  assertEquals(recvmmsg(left, batch), 8);
  left.close();
  const errors: Error[] = [];
  const sending = posix.sendAll(left, batch, (error) => void errors.push(error));
  await assertRejects(() => sending, Deno.errors.BadResource, "sendmmsg: Bad file descriptor");
  assertEquals(errors, []);
});

testWith(["Linux C library"], "the buffers of messages live as long as the messages", async () => {
  const program = `
    import * as posix from ${JSON.stringify(import.meta.resolve("../../posix.ts"))};
    const { Message, MessageBatch } = posix;
    const [left, right] = posix.socketpair(posix.SOCK_DGRAM);
    const rest = [];
    const makeGarbage = () => {
      rest.length = 0;
      for (let i = 0; i < 1000; i++) rest.push(new Uint8Array(i % 100).fill(0xee));
      gc({ type: "minor" });
      gc();
    };
    const text = (n, size) => new Uint8Array(size).map((_, i) => (n * 7 + i) & 0xff);
    // Small arrays are in the heap of V8 at first, which moves what it contains; large ones are not.
    for (const size of [1, 8, 63, 64, 65, 4096]) {
      const out = Array.from({ length: 50 }, (_, n) => new Message([text(n, size), text(n + 1, size)]));
      const into = Array.from({ length: 50 }, () => new Message([new Uint8Array(size), new Uint8Array(size)]));
      makeGarbage();
      for (const [n, message] of out.entries()) {
        posix.sendmsg(left, message);
        if (n % 10 === 0) makeGarbage();
        if (posix.recvmsg(right, into[n]) !== 2 * size) throw new Error("size " + size);
      }
      makeGarbage();
      for (const [n, { data }] of into.entries()) {
        for (const k of [0, 1]) {
          if (\`\${data[k]}\` !== \`\${text(n + k, size)}\`) throw new Error(\`message \${n} of \${size}\`);
        }
      }
    }
    for (const size of [1, 8, 100]) {
      const batches = Array.from({ length: 50 }, () => new MessageBatch(4, size));
      makeGarbage();
      for (const [n, batch] of batches.entries()) {
        for (let i = 0; i < 4; i++) posix.send(left, text(n + i, size));
        if (n % 10 === 0) makeGarbage();
        if (posix.recvmmsg(right, batch) !== 4) throw new Error("batch");
        posix.sendmmsg(right, batch, 0, 4);
        for (let i = 0; i < 4; i++) {
          const back = new Uint8Array(size);
          posix.recv(left, back);
          if (\`\${back}\` !== \`\${text(n + i, size)}\`) throw new Error(\`batch \${n} of \${size}\`);
        }
      }
    }
    console.log("ok");`;
  const process = await runProgram(program, "--allow-all", "--v8-flags=--expose-gc");
  assertEquals([process.code, process.stdout], [0, "ok\n"], process.describe());
});

testWith(
  ["Linux C library"],
  "a MessageBatch holds no more than its buffers, whatever the flags",
  () => {
    using stack = new DisposableStack();
    const [left, right] = pair(stack, SOCK_DGRAM);
    const batch = new posix.MessageBatch(2, 4);
    for (const text of ["0123456789", "abcdefghij"]) posix.send(left, bytes(text));
    assertEquals(posix.recvmmsg(right, batch, posix.MSG_TRUNC), 2);
    assertEquals([batch.message(0), batch.message(1)], [bytes("0123"), bytes("abcd")]);
    assertEquals([batch.isTruncated(0), batch.isTruncated(1)], [true, true]);
    assertEquals(posix.recvmmsg(right, batch), -posix.EAGAIN);
    assertEquals(batch.count, 0);
    assertThrows(() => batch.message(0), RangeError, "0 is not in a batch of 0 datagrams");
    assertThrows(() => posix.sendmmsg(right, batch, 0, 1), RangeError, "0 to 1 is not in a batch");
    posix.send(left, bytes("x"));
    posix.recvmmsg(right, batch);
    structuredClone(null, { transfer: [batch.message(0).buffer] });
    assertThrows(() => posix.recvmmsg(right, batch), TypeError, "the buffer was transferred");
  },
);

testWith(["Linux C library"], "`MessageBatch.push()` adds datagrams to send", () => {
  using stack = new DisposableStack();
  const open = () => stack.use(posix.socket(posix.AF_INET, SOCK_DGRAM));
  const receivers = [open(), open()];
  const sender = open();
  const batch = new posix.MessageBatch(2, 8);
  for (const [index, receiver] of receivers.entries()) {
    posix.bind(receiver, { transport: "udp", hostname: "127.0.0.1", port: 0 });
    batch.push(bytes(`to ${index}`), posix.getsockname(receiver));
  }
  const address = { transport: "udp", hostname: "127.0.0.1", port: 9 } as const;
  assertThrows(() => batch.push(bytes("x"), address), RangeError, "the batch of 2 is full");
  assertEquals(sendmmsg(sender, batch, 0, batch.count), 2);
  const buffer = new Uint8Array(8);
  for (const [index, receiver] of receivers.entries()) {
    assertEquals(posix.recv(receiver, buffer), 4);
    assertEquals(buffer.subarray(0, 4), bytes(`to ${index}`));
  }
  batch.clear();
  assertEquals(batch.count, 0);
  assertThrows(() => batch.push(new Uint8Array(9), address), RangeError, "9 bytes are more than 8");
});

testWith(["Linux C library"], "`ioctl()` has room for a structure", () => {
  using socket = posix.socket(posix.AF_INET, SOCK_DGRAM);
  const SIOCGIFNAME = 0x8910; // a struct ifreq of 40 bytes, with the index of the interface behind the name
  assertThrows(() => posix.ioctl(socket, SIOCGIFNAME), Error, "ioctl: No such device");
});

testWith(
  ["Linux C library"],
  "`sendfile()` rejects a count that is none, and accepts any other",
  () => {
    using stack = new DisposableStack();
    const [left, right] = pair(stack, SOCK_STREAM);
    using file = posix.open(new URL(import.meta.url).pathname, posix.O_RDONLY);
    assertThrows(() => posix.sendfile(left, file, -1), RangeError, "sendfile: -1 is not");
    assertThrows(() => posix.sendfile(left, file, NaN), RangeError, "sendfile: NaN is not");
    assert(posix.sendfile(left, file, 2 ** 32) > 0);
    assert(posix.recv(right, new Uint8Array(1 << 16)) > 0);
  },
);
