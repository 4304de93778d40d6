import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  calculate,
  type CalculatorRequest,
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
} from "../../protocols/calculator.ts";
import { connectDatagram } from "../../lib/socket/connected_datagram.ts";
import { datagrams } from "../../lib/server/datagrams.ts";
import { openDatagram, sendTo } from "../../lib/socket/datagram.ts";
import { testWith } from "../support/test_with.ts";
import { Process } from "../../contract/process.ts";
import { randomIntegers, toBytes } from "../support/bytes.ts";
import { startServer } from "../support/start.ts";

/** The time limit of a test that would not end if it failed, in ms. */
const PATIENCE = { timeout: 60_000 };

/** The time limit for a datagram, in ms. */
const LONG = 30_000;

const MAX = 0xffffffff;

/** A request as raw bytes, without the library. */
function rawRequest(first: number, numbers: number[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(1 + 4 * numbers.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, first);
  for (const [i, number] of numbers.entries()) view.setUint32(1 + 4 * i, number);
  return bytes;
}

/** The response to a request whose first byte is `first`, after the text of the exercise. */
function rightResponse(first: number, numbers: number[]): string {
  const opcode = first >> 1 & 7;
  let result = opcode === 0 ? 0n : 1n;
  for (const number of numbers) {
    if (opcode === 0) result += BigInt(number);
    else result *= BigInt(number);
  }
  const digits = first & 1 ? toBytes(`${result}`).toHex() : result.toString(16).padStart(8, "0");
  const fits = first & 1 ? result <= 0xffff_ffff_ffff_ffffn : result <= 0xffff_ffffn;
  return opcode < 2 && fits ? `80${digits}` : "00";
}

/** Numbers of all magnitudes, whose products fit or overflow both formats. */
function randomNumbers(random: (below: number) => number): number[] {
  const count = 1 + random(random(2) === 0 ? 4 : 64);
  const bits = random(33);
  return Array.from({ length: count }, () => random(2 ** bits));
}

Deno.test("calculate() returns the results of the exercise", () => {
  for (
    const [first, response] of [
      [0x50, "8000000009"],
      [0x71, "8039"],
      [0x52, "8000000018"],
      [0x83, "803234"],
      [0x45, "00"],
    ] as [number, string][]
  ) {
    assertEquals(calculate(rawRequest(first, [4, 2, 3])).toHex(), response, first.toString(16));
  }
});

Deno.test("calculate() ignores the unused bits, and rejects all opcodes but two", () => {
  for (let first = 0; first < 256; first++) {
    const response = calculate(rawRequest(first, [4, 2, 3])).toHex();
    assertEquals(response, rightResponse(first, [4, 2, 3]), first.toString(16));
    assertEquals(response === "00", (first & 0b1110) > 0b0010, first.toString(16));
  }
});

Deno.test("calculate() rejects every length other than a byte and 1 to 64 numbers", () => {
  for (let length = 0; length <= 300; length++) {
    for (const first of [0, 1, 2, 3]) {
      const request = new Uint8Array(length);
      request.set(length > 0 ? [first] : []);
      const numbers = (length - 1) / 4;
      const isRight = Number.isInteger(numbers) && numbers >= 1 && numbers <= 64;
      const zero = first & 1 ? "8030" : "8000000000";
      assertEquals(calculate(request).toHex(), isRight ? zero : "00", `${first}, ${length} bytes`);
    }
  }
  assertEquals(calculate(new Uint8Array(65507)).toHex(), "00");
});

Deno.test("calculate() is exact up to the limit of each format, and rejects larger results", () => {
  const all = (count: number, number: number) => Array<number>(count).fill(number);
  for (
    const [first, numbers, response] of [
      [0, [MAX], "80ffffffff"],
      [0, [MAX, 0], "80ffffffff"],
      [0, [MAX, 1], "00"],
      [0, [0x80000000, 0x7fffffff], "80ffffffff"],
      [0, [0x80000000, 0x80000000], "00"],
      [0, all(64, 0x03ffffff), "80ffffffc0"],
      [0, all(64, 0x04000000), "00"],
      [2, [65535, 65537], "80ffffffff"],
      [2, [65536, 65536], "00"],
      [2, [MAX, 1, 1], "80ffffffff"],
      [2, [MAX, 2], "00"],
      [2, all(31, 2), "8080000000"],
      [2, all(32, 2), "00"],
      [1, [MAX, 1], "4294967296"],
      [1, all(64, MAX), "274877906880"],
      // The factors of 2 ** 64 - 1.
      [3, [MAX, 641, 6700417], "18446744073709551615"],
      [3, [3, 5, 17, 257, 641, 65537, 6700417], "18446744073709551615"],
      [3, all(4, 65536), "00"],
      [3, all(63, 2), "9223372036854775808"],
      [3, all(64, 2), "00"],
      // Over 2 ** 53 and odd: not a JavaScript number.
      [3, [94906267, 94906269], "9007199705687823"],
      [3, [MAX, MAX], `${BigInt(MAX) ** 2n}`],
      // An intermediate overflow does not count.
      [2, [...all(63, MAX), 0], "8000000000"],
      [3, [0, ...all(63, MAX)], "0"],
    ] as [number, number[], string][]
  ) {
    const isAscii = (first & 1) === 1 && response !== "00";
    const expected = isAscii ? `80${toBytes(response).toHex()}` : response;
    const where = `${first} of ${numbers}`;
    assertEquals(rightResponse(first, numbers), expected, where);
    assertEquals(calculate(rawRequest(first, numbers)).toHex(), expected, where);
  }
});

Deno.test("calculate() agrees with a direct calculation", () => {
  const random = randomIntegers(1);
  let failed = 0;
  for (let i = 0; i < 5000; i++) {
    const first = random(16) * 16 + random(4);
    const numbers = randomNumbers(random);
    const response = rightResponse(first, numbers);
    if (response === "00") failed++;
    assertEquals(calculate(rawRequest(first, numbers)).toHex(), response, `${first} of ${numbers}`);
  }
  assert(failed > 1000 && failed < 4000, `${failed} overflow`);
});

Deno.test("calculate() accepts any bytes, and its response can be decoded", () => {
  const random = randomIntegers(2);
  for (let i = 0; i < 5000; i++) {
    const request = new Uint8Array(random(300)).map(() => random(256));
    decodeResponse(calculate(request), ((request[0] ?? 0) & 1) === 1);
  }
});

Deno.test("encodeRequest() and decodeRequest() are inverses", () => {
  const random = randomIntegers(3);
  for (let i = 0; i < 1000; i++) {
    const request: CalculatorRequest = {
      operation: random(2) === 0 ? "+" : "*",
      ascii: random(2) === 0,
      numbers: randomNumbers(random),
    };
    const bytes = encodeRequest(request);
    const first = (request.operation === "*" ? 2 : 0) + (request.ascii ? 1 : 0);
    assertEquals(bytes.toHex(), rawRequest(first, [...request.numbers]).toHex());
    assertEquals(decodeRequest(bytes), request);
    bytes[0] = first + 16 * random(16);
    assertEquals(decodeRequest(bytes), request);
  }
});

Deno.test("encodeResponse() and decodeResponse() are inverses", () => {
  const limits = [2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n];
  const results = [0n, 1n, 9n, 10n, ...limits.flatMap((limit) => [limit - 1n, limit])];
  for (const ascii of [false, true]) {
    for (const result of results.filter((result) => result < 2n ** (ascii ? 64n : 32n))) {
      const response = encodeResponse(result, ascii);
      const payload = ascii ? toBytes(`${result}`).toHex() : result.toString(16).padStart(8, "0");
      assertEquals(response.toHex(), `80${payload}`);
      assertEquals(decodeResponse(response, ascii), result);
      response[0] = 0xff;
      assertEquals(decodeResponse(response, ascii), result);
    }
    assertEquals(decodeResponse(encodeResponse(null, ascii), ascii), null);
  }
});

Deno.test("decodeResponse() accepts S = 0 with any payload, and leading zeros", () => {
  for (const hex of ["00", "7f", "0000000000", "0031", "00ffffffffffff"]) {
    for (const ascii of [false, true]) {
      assertEquals(decodeResponse(Uint8Array.fromHex(hex), ascii), null, hex);
    }
  }
  assertEquals(decodeResponse(toBytes("\u007f00000000000000000009").fill(0x80, 0, 1), true), 9n);
});

Deno.test("decodeRequest() reads a view of a larger buffer", () => {
  const larger = Uint8Array.fromHex("ffff020000000300000005ffff");
  const request = decodeRequest(larger.subarray(2, 11));
  assertEquals(request, { operation: "*", ascii: false, numbers: [3, 5] });
});

Deno.test("encodeRequest() rejects numbers that do not fit a request", () => {
  const encode = (numbers: number[]) => () => {
    encodeRequest({ operation: "+", ascii: false, numbers });
  };
  assertThrows(
    encode([]),
    RangeError,
    "encodeRequest: the number of integers is 0, not from 1 to 64",
  );
  assertThrows(encode(Array(65).fill(1)), RangeError, "the number of integers is 65");
  for (const bad of [-1, 2 ** 32, 0.5, NaN, Infinity]) {
    assertThrows(encode([1, bad]), RangeError, `${bad}`);
  }
});

Deno.test("decodeRequest() rejects an invalid request; the error names the cause", () => {
  assertThrows(
    () => decodeRequest(new Uint8Array()),
    RangeError,
    "0 bytes are not 1 + 4 * n, n from 1 to 64",
  );
  assertThrows(() => decodeRequest(new Uint8Array(258)), RangeError, "258 bytes are not");
  assertThrows(() => decodeRequest(rawRequest(0x45, [1])), RangeError, "unknown opcode 2");
});

Deno.test("encodeResponse() rejects a result that overflows its format", () => {
  for (
    const [result, ascii] of [
      [-1n, false],
      [-1n, true],
      [2n ** 32n, false],
      [2n ** 64n, true],
    ] as [bigint, boolean][]
  ) {
    const message = `encodeResponse: ${result} does not fit in ${ascii ? 64 : 32} bits`;
    assertThrows(() => encodeResponse(result, ascii), RangeError, message);
  }
});

/** Invalid responses in hexadecimal, and their format. */
const garbage: [hex: string, ascii: boolean, says: string][] = [
  ["", false, "the response is empty"],
  ["", true, "the response is empty"],
  ["80", false, 'the payload "" is not a number of 32 bits'],
  ["80010203", false, 'the payload "010203" is not a number of 32 bits'],
  ["800102030405", false, 'the payload "0102030405" is not a number of 32 bits'],
  ["80", true, 'the payload "" is not a number of 64 bits in decimal'],
  ["803900", true, 'the payload "3900" is not a number of 64 bits in decimal'],
  ["80392e35", true, '"392e35" is not'],
  ["802d39", true, '"2d39" is not'],
  ["802039", true, '"2039" is not'],
  ["80390a", true, '"390a" is not'],
  ["80307830", true, '"307830" is not'],
  ["80efbbbf39", true, '"efbbbf39" is not'], // a byte order mark
  ["80d9a9", true, '"d9a9" is not'], // an Arabic 9
  ["801b5b324a", true, '"1b5b324a" is not'], // it clears the screen
  [
    `80${toBytes("18446744073709551616").toHex()}`,
    true,
    '"3138343436373434303733373039353531363136" is not',
  ],
  [`80${"30".repeat(21)}`, true, "is not"],
  [`80${"39".repeat(500)}`, true, "is not"],
];

Deno.test("decodeResponse() rejects an invalid response", () => {
  for (const [hex, ascii, says] of garbage) {
    const response = Uint8Array.fromHex(hex);
    assertThrows(() => decodeResponse(response, ascii), RangeError, `decodeResponse: `, hex);
    assertThrows(() => decodeResponse(response, ascii), RangeError, says, hex);
  }
});

const SERVER = "servers/udp_calculator.ts";

/** Runs the client, with permission for a port of 127.0.0.1 and ::1. */
async function runClient(port: number, args: string[]): Promise<Process> {
  const grants = ["127.0.0.1", "[::1]"].flatMap((host) => [`${host}:0`, `${host}:${port}`]);
  const flag = `--allow-net=${grants}`;
  await using client = new Process(["run", flag, "clients/udp_calculator.ts", ...args], false);
  await client.exits();
  return client;
}

/** Asserts the output and the exit status of a process. */
function assertDid(
  process: Process,
  expected: { code: number; stdout?: string; stderr?: string },
): void {
  const { code, stdout, stderr } = process;
  assertEquals({ code, stdout, stderr }, { stdout: "", stderr: "", ...expected });
}

/** A server in this process: `respond` returns the datagrams that answer request number `turn`. */
async function fakeServer(
  respond: (request: Uint8Array, turn: number) => Uint8Array[],
): Promise<{ port: number; requests: string[] } & Disposable> {
  const socket = await openDatagram(0);
  const requests: string[] = [];
  const serving = async () => {
    for await (const { message, from } of datagrams(socket, 300)) {
      requests.push(message.toHex());
      for (const response of respond(message, requests.length)) {
        await sendTo(socket, response, from);
      }
    }
  };
  serving();
  const { port } = socket.addr as Deno.NetAddr;
  return { port, requests, [Symbol.dispose]: () => socket.close() };
}

Deno.test(
  "servers/udp_calculator.ts answers 10,000 datagrams of any bytes",
  PATIENCE,
  async () => {
    const { server, port } = await startServer(SERVER, "127.0.0.1", { "[::1]": "127.0.0.1" });
    await using _server = server;
    using client = await connectDatagram("127.0.0.1", port);
    const random = randomIntegers(4);
    for (let i = 0; i < 10_000; i++) {
      let request: Uint8Array<ArrayBuffer>;
      if (i % 1000 === 999) request = new Uint8Array(65507 - random(1000));
      else if (i % 2 === 0) request = new Uint8Array(random(300)).map(() => random(256));
      else request = rawRequest(random(256), randomNumbers(random));
      await client.send(request);
      const { message } = await client.receive(80, LONG);
      assertEquals(message.toHex(), calculate(request).toHex(), request.toHex());
      decodeResponse(message, ((request[0] ?? 0) & 1) === 1);
    }
    server.kill("SIGTERM");
    await server.exits();
    assertDid(server, { code: 0, stderr: `listening on 127.0.0.1:${port}\n` });
  },
);

Deno.test(
  "servers/udp_calculator.ts reports a client that it cannot reply to, and continues",
  PATIENCE,
  async () => {
    const { server, port } = await startServer(SERVER, "127.0.0.1", { "[::1]": "127.0.0.1:0" });
    await using _server = server;
    using client = await connectDatagram("127.0.0.1", port);
    for (let line = 1; line <= 3; line++) {
      await client.send(rawRequest(0, [1]));
      await server.prints(
        new RegExp(`(sendto 127.0.0.1:\\d+: permission not granted.*\n){${line}}$`),
      );
    }
    assertEquals(server.stdout, "");
  },
);

testWith(["IPv6"], "servers/udp_calculator.ts on :: answers IPv4 and IPv6 clients", async () => {
  const { server, port } = await startServer(SERVER, "::", { "--allow-net=[::1]": "--allow-net" });
  await using _server = server;
  for (const host of ["::1", "127.0.0.1"]) {
    using client = await connectDatagram(host, port);
    await client.send(rawRequest(1, [4, 2, 3]));
    assertEquals((await client.receive(80, LONG)).message.toHex(), "8039", host);
  }
  assertEquals(server.stderr, `listening on [::]:${port}\n`);
});

testWith(["IPv6"], "clients/udp_calculator.ts runs the lecture's command lines", async () => {
  const { server, port } = await startServer(SERVER, "::1", {});
  await using _server = server;
  const numbers = ["::1", `${port}`, "1", "3", "5", "7", "9"];
  assertDid(await runClient(port, ["-op", "+", ...numbers]), { code: 0, stdout: "Result: 25\n" });
  assertDid(await runClient(port, ["-op", "*", "-s", ...numbers]), {
    code: 0,
    stdout: "Result: 945\n",
  });
});

Deno.test(
  "clients/udp_calculator.ts prints the result, or that there is none",
  PATIENCE,
  async () => {
    const { server, port } = await startServer(SERVER, "127.0.0.1", { "[::1]": "127.0.0.1" });
    await using _server = server;
    const cannot = { code: 1, stderr: "the server rejected the request\n" };
    const result = (number: number | bigint) => ({ code: 0, stdout: `Result: ${number}\n` });
    const at = ["127.0.0.1", `${port}`];
    const cases: [string[], { code: number; stdout?: string; stderr?: string }][] = [
      [["-op", "+", ...at, "7"], result(7)],
      [["-op", "+", ...at, "00000000000007", "4294967288"], result(MAX)],
      [["-op", "+", ...at, "4294967295", "1"], cannot],
      [["-op", "+", "-s", ...at, "4294967295", "1"], result(2n ** 32n)],
      [["-op", "*", ...at, "65536", "65536"], cannot],
      [["-op", "*", "-s", ...at, "4294967295", "641", "6700417"], result(2n ** 64n - 1n)],
      [["-op", "*", "-s", ...at, "65536", "65536", "65536", "65536"], cannot],
      [["-op", "+", ...at, ...Array(64).fill("2")], result(128)],
      // Options may have any position, begin with one or two dashes, and end at --.
      [[...at, "6", "7", "-s", "--op", "*"], result(42)],
      [["-op=*", "--s", "-timeout=3", "--", ...at, "6", "7"], result(42)],
      [["-timeout", "3", ...at, "6", "-op=+", "7"], result(13)],
    ];
    await Promise.all(cases.map(async ([args, expected]) => {
      assertDid(await runClient(port, args), expected);
    }));
  },
);

Deno.test(
  "clients/udp_calculator.ts rejects a wrong command line",
  PATIENCE,
  async () => {
    const dashes = 'to pass it as an operand, write "--" before it';
    const at = ["127.0.0.1", "10000"];
    const bad = [
      "4294967296",
      "99999999999999999999999",
      "1.5",
      "1e3",
      "0x10",
      "x",
      "",
      " 1",
      "+1",
    ];
    const cases: [string[], string][] = [
      [[], "--op: a value is missing"],
      [["-op", "+"], "host: a value is missing"],
      [["-op", "+", "127.0.0.1"], "port: a value is missing"],
      [["-op", "+", ...at], "expected 1 to 64 numbers, got 0"],
      [["-s", ...at, "1"], "--op: a value is missing"],
      [["-op", "+", ...at, ...Array(65).fill("1")], "expected 1 to 64 numbers, got 65"],
      [[...at, "1", "-op"], "--op: a value is missing"],
      [["-op", "-s", ...at, "1"], '--op: "-s" is not one of +, *'],
      [["-op", "-", ...at, "1"], '--op: "-" is not one of +, *'],
      [["-op=-", ...at, "1"], '--op: "-" is not one of +, *'],
      [["-op", "x", ...at, "1"], '--op: "x" is not one of +, *'],
      [["-op", "+", "127.0.0.1", "65536", "1"], "port: port 65536 is not from 0 to 65535"],
      [["-op", "+", ...at, "1", "-1"], `unknown option -1; ${dashes}`],
      [["-op", "+", ...at, "1", "-ops"], `unknown option -ops; ${dashes}`],
      [["-op", "+", ...at, "1", "--", "-s"], '"-s" is not a whole number from 0 to 4294967295'],
      ...bad.map((word): [string[], string] => [
        ["-op", "+", ...at, "1", word],
        `${JSON.stringify(word)} is not a whole number from 0 to 4294967295`,
      ]),
    ];
    await Promise.all(cases.map(async ([args, says]) => {
      const { code, stdout, stderr } = await runClient(0, args);
      const [complaint, usage] = stderr.split("\n");
      assertEquals([code, stdout, complaint], [2, "", says], JSON.stringify(args));
      assertEquals(
        usage,
        "Usage: clients/udp_calculator.ts -op OP [-s] host port N... [OPTION...]",
      );
    }));
  },
);

Deno.test(
  "clients/udp_calculator.ts repeats a request when a datagram was lost",
  PATIENCE,
  async () => {
    // The first request is lost; each other is answered twice, as if it had only been late.
    using server = await fakeServer((request, turn) =>
      turn === 1 ? [] : [calculate(request), calculate(request)]
    );
    const args = ["-op", "+", "127.0.0.1", `${server.port}`, "4", "2", "3"];
    const { code, stdout, stderr } = await runClient(server.port, args);
    assertEquals([code, stdout], [0, "Result: 9\n"], stderr);
    assert(/^(recv 127.0.0.1:\d+: timed out after 1 s\n)+$/.test(stderr), stderr);
    assert(server.requests.length > 1, `${server.requests}`);
    assertEquals([...new Set(server.requests)], ["00000000040000000200000003"]);
  },
);

Deno.test("clients/udp_calculator.ts gives up after three requests", PATIENCE, async () => {
  using server = await fakeServer(() => []);
  const at = `127.0.0.1:${server.port}`;
  const args = ["-op", "+", "-timeout", "0.1", "127.0.0.1", `${server.port}`, "1"];
  assertDid(await runClient(server.port, args), {
    code: 1,
    stderr: `recv ${at}: timed out after 0.1 s\n`.repeat(3) + "no response to 3 requests\n",
  });
  assertEquals(server.requests, Array(3).fill("0000000001"));
});

Deno.test("clients/udp_calculator.ts ignores a response from another port", PATIENCE, async () => {
  using intruder = await openDatagram(0);
  const run = async (server: Deno.DatagramConn, alone: boolean, timeout: string) => {
    const { port } = server.addr as Deno.NetAddr;
    const asked = runClient(port, ["-op", "+", "-timeout", timeout, "127.0.0.1", `${port}`, "1"]);
    const [request, from] = await server.receive();
    await sendTo(intruder, encodeResponse(666n, false), from);
    await sendTo(intruder, new Uint8Array(), from);
    if (!alone) await sendTo(server, calculate(request), from);
    return await asked;
  };
  using server = await openDatagram(0);
  assertDid(await run(server, false, "30"), { code: 0, stdout: "Result: 1\n" });
  const { code, stdout, stderr } = await run(server, true, "0.2");
  assertEquals([code, stdout], [1, ""]);
  assert(stderr.endsWith("no response to 3 requests\n"), stderr);
});

Deno.test("clients/udp_calculator.ts reports an invalid response", PATIENCE, async () => {
  await Promise.all(garbage.map(async ([hex, ascii, says]) => {
    using server = await fakeServer(() => [Uint8Array.fromHex(hex)]);
    const args = ["-op", "+", "127.0.0.1", `${server.port}`, "1", ...(ascii ? ["-s"] : [])];
    const client = await runClient(server.port, args);
    const { code, stdout, stderr } = client;
    assertEquals([code, stdout], [1, ""], `${hex} ${client.describe()}`);
    assert(/^decodeResponse: [ -~]+\n$/.test(stderr) && stderr.includes(says), client.describe());
  }));
});

Deno.test("clients/udp_calculator.ts reports S = 0 as an error", PATIENCE, async () => {
  for (const hex of ["00", "7f", "0000000007"]) {
    using server = await fakeServer(() => [Uint8Array.fromHex(hex)]);
    const args = ["-op", "+", "127.0.0.1", `${server.port}`, "1"];
    const expected = { code: 1, stderr: "the server rejected the request\n" };
    assertDid(await runClient(server.port, args), expected);
  }
});
