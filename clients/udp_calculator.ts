#!/usr/bin/env -S deno run --allow-net=[::1]:0,[::1]:10000
/**
 * A client for the calculator: it retransmits a request if no response arrives.
 *
 * Usage: clients/udp_calculator.ts -op OP [-s] host port N... [OPTION...]
 *   -op OP             operation: + or *
 *   -s                 request the result as a string, not as a 32-bit number
 *   --timeout SECONDS  how long to wait for a response before retransmitting the request (1)
 *
 * From CNP3's exercises. There are 1 to 64 numbers, each from 0 to 4294967295. Departs from the
 * exercises: a request is sent up to three times. A duplicate response is harmless, because it is
 * identical. An invalid response is an error.
 *
 * ```console
 * $ servers/udp_calculator.ts ::1 10000
 * ! listening on [::1]:10000
 * ^C
 * $ clients/udp_calculator.ts -op + ::1 10000 1 3 5 7 9
 * Result: 25
 * $ clients/udp_calculator.ts -op '*' -s ::1 10000 1 3 5 7 9
 * Result: 945
 * ```
 *
 * @module
 */

import { host, main, oneOf, port, required, seconds, UsageError } from "../cli.ts";
import { connectDatagram, type ConnectedDatagram, logError } from "../mod.ts";
import { decodeResponse, encodeRequest } from "../protocols/calculator.ts";
// This file as text: main() prints its header for --help.
import header from "./udp_calculator.ts" with { type: "text" };

/** The maximum number of times that a request is sent. */
const TRIES = 3;
/** The maximum size of a response, in bytes. */
const MESSAGE_SIZE = 80;

await main(header, {
  operands: { host: required(host()), port: required(port()), numbers: [] },
  options: { op: required(oneOf("+", "*")), s: false, timeout: seconds(1) },
}, async ({ host, port, numbers, op, s: ascii, timeout }) => {
  if (numbers.length < 1 || numbers.length > 64) {
    throw new UsageError(`expected 1 to 64 numbers, got ${numbers.length}`);
  }
  const request = encodeRequest({ operation: op, ascii, numbers: numbers.map(parseNumber) });

  // getaddrinfo, socket, connect
  using server = await connectDatagram(host, port);
  const result = decodeResponse(await ask(server, request, timeout), ascii);
  if (result === null) throw new Error("the server rejected the request");
  console.log(`Result: ${result}`);
  // close, at the end of using
});

/** Sends a request, and retransmits it if no response arrives in time. */
async function ask(
  server: ConnectedDatagram,
  request: Uint8Array,
  timeout: number,
): Promise<Uint8Array> {
  for (let tried = 0; tried < TRIES; tried++) {
    // send
    await server.send(request);
    try {
      // recv
      return (await server.receive(MESSAGE_SIZE, timeout)).message;
    } catch (error) {
      if (!(error instanceof Deno.errors.TimedOut)) throw error;
      logError(error);
    }
  }
  throw new Deno.errors.TimedOut(`no response to ${TRIES} requests`);
}

function parseNumber(word: string): number {
  const number = /^\d+$/.test(word) ? Number(word) : NaN;
  if (number <= 0xffffffff) return number;
  throw new UsageError(`${JSON.stringify(word)} is not a whole number from 0 to 4294967295`);
}
