import { assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { encodeLengthFrame } from "../../lib/io/framing.ts";
import { writeN } from "../../lib/io/read_write.ts";
import { bytes } from "../support/bytes.ts";
import { isCutOff } from "../support/streams.ts";
import { prefork } from "../support/servers.ts";
import { Server, withFastClock } from "../support/server.ts";
import { givers, keeps } from "./promises.ts";

/** The servers whose clients may send more than once. On the fast clock the rate is an average over 1.5 s. */
const subjects = givers("min_rate").filter((subject) => subject !== prefork);

keeps(
  "min_rate",
  "a client below the minimum rate is disconnected, a faster one is not",
  async (subject) => {
    await using server = await Server.start(subject, [], withFastClock);
    using slow = await server.connect();
    using quick = await server.connect();
    const line = subject.name.endsWith("json") ? JSON.stringify("x".repeat(500)) : "x".repeat(500);
    const message = subject.name.endsWith("length")
      ? encodeLengthFrame(bytes(line))
      : bytes(`${line}\n`);
    const byte = subject.name.endsWith("length") ? new Uint8Array(1) : bytes(" ");
    const end = isCutOff(slow);
    let isOver = false;
    const trickle = async () => {
      while (!isOver) {
        await writeN(slow, byte).catch(() => {});
        await delay(100);
      }
    };
    const talk = async () => {
      const answers = isCutOff(quick);
      while (!isOver) {
        for (let i = 0; i < 10; i++) await writeN(quick, message);
        await delay(100);
      }
      await quick.closeWrite();
      await answers;
    };
    const rest = Promise.all([trickle(), talk()]);
    await end;
    isOver = true;
    await rest;
    await server.process.prints(/^(?:read|recv) \S+: slower than \d+ bytes a second$/m);
    assertEquals(server.process.stderr.match(/slower than/g)?.length, 1, server.process.stderr);
  },
  subjects,
  1,
);

keeps("min_rate", "a client below the minimum rate is disconnected", async (subject) => {
  const options = ["--idle-timeout=1", "--min-rate=100"];
  await using server = await Server.start(subject, options);
  using slow = await server.connect();
  const trickle = async () => {
    while (await writeN(slow, bytes(" ")).then(() => true, () => false)) await delay(100);
  };
  await Promise.all([trickle(), isCutOff(slow)]);
  await server.process.prints(/slower than 100 bytes a second$/m);
}, [prefork]);
