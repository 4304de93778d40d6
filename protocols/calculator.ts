/**
 * A calculator's protocol over datagrams: integers there, their sum or product back.
 *
 * A request is a byte and 1 to 64 integers of 32 bits in network order. The byte is 4 unused bits,
 * 3 bits of opcode (0 sum, 1 product) and 1 bit of format (0 for a result of 32 bits in network order,
 * 1 for decimal ASCII). A response is a byte and the result; the byte is a status S (1 success,
 * 0 error) and 7 unused bits. Unused bits are sent as 0, and may hold anything when received.
 *
 * The exercise leaves open what an overflow is: here, a result over 2 ** 32 - 1 in the format of 32
 * bits, and over 2 ** 64 - 1 in ASCII. Only the result counts: a product with a 0 in it is 0.
 *
 * @module
 */

import { concat } from "@std/bytes/concat";
import { pack, packBits, unpack, unpackBits } from "../mod.ts";

/** What a client asks of the calculator. */
export interface CalculatorRequest {
  /** Sum or product. */
  operation: "+" | "*";
  /** Whether the result is to come in decimal ASCII, not in 32 bits. */
  ascii: boolean;
  /** 1 to 64 integers from 0 to 4294967295. */
  numbers: readonly number[];
}

/** The operations, each at its opcode. */
const OPERATIONS: readonly CalculatorRequest["operation"][] = ["+", "*"];

/** The widths of a request's first byte: unused, opcode, format. */
const REQUEST_WIDTHS = [4, 3, 1];

/** The widths of a response's first byte: status, unused. */
const RESPONSE_WIDTHS = [1, 7];

const MAX_NUMBERS = 64;

/**
 * Makes the client's datagram.
 *
 * Source: CNP3 exercises.
 *
 * @param request What is asked.
 * @returns A new array of 5 to 257 bytes.
 * @throws {RangeError} If the numbers are not 1 to 64, or one is not an integer from 0 to 4294967295.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { encodeRequest } from "./calculator.ts";
 *
 * const request = encodeRequest({ operation: "*", ascii: true, numbers: [7, 256] });
 * assertEquals(request, new Uint8Array([0x03, 0, 0, 0, 7, 0, 0, 1, 0]));
 * ```
 */
export function encodeRequest(request: CalculatorRequest): Uint8Array<ArrayBuffer> {
  const { operation, ascii, numbers } = request;
  if (numbers.length < 1 || numbers.length > MAX_NUMBERS) {
    throw new RangeError(
      `encodeRequest: the number of numbers is ${numbers.length}, not from 1 to ${MAX_NUMBERS}`,
    );
  }
  return concat([
    packBits(REQUEST_WIDTHS, [0, OPERATIONS.indexOf(operation), Number(ascii)]),
    ...numbers.map((number) => pack("!I", number)),
  ]);
}

/**
 * Reads the client's datagram.
 *
 * Source: CNP3 exercises.
 *
 * @param request Its bytes.
 * @returns What is asked.
 * @throws {RangeError} If the opcode is unknown, or the bytes are not one more than 1 to 64 times 4.
 *
 * @example The unused bits may hold anything
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { decodeRequest } from "./calculator.ts";
 *
 * const request = new Uint8Array([0xf3, 0, 0, 0, 7, 0, 0, 1, 0]);
 * assertEquals(decodeRequest(request), { operation: "*", ascii: true, numbers: [7, 256] });
 * ```
 */
export function decodeRequest(request: Uint8Array): CalculatorRequest {
  const count = (request.length - 1) / 4;
  if (!Number.isInteger(count) || count < 1 || count > MAX_NUMBERS) {
    throw new RangeError(
      `decodeRequest: ${request.length} bytes are not one and 1 to ${MAX_NUMBERS} times 4`,
    );
  }
  const [, opcode = 0, format] = unpackBits(REQUEST_WIDTHS, request.subarray(0, 1));
  const operation = OPERATIONS[opcode];
  if (operation === undefined) throw new RangeError(`decodeRequest: unknown opcode ${opcode}`);
  const numbers = unpack(`!${count}I`, request.subarray(1)).map(Number);
  return { operation, ascii: format === 1, numbers };
}

/**
 * Makes the server's datagram.
 *
 * Source: CNP3 exercises.
 *
 * @param result The result, or `null` for the status S = 0.
 * @param ascii Whether it is to be in decimal ASCII, as the request says.
 * @returns A new array: of 1 byte for S = 0, of 5 bytes for 32 bits, of 2 to 21 for ASCII, which has no
 * NUL at its end.
 * @throws {RangeError} If the result is negative, or overflows its format: over 2 ** 32 - 1, or
 * 2 ** 64 - 1 in ASCII.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { encodeResponse } from "./calculator.ts";
 *
 * assertEquals(encodeResponse(24n, false), new Uint8Array([0x80, 0, 0, 0, 24]));
 * assertEquals(encodeResponse(24n, true), new Uint8Array([0x80, 0x32, 0x34]));
 * assertEquals(encodeResponse(null, true), new Uint8Array([0]));
 * ```
 */
export function encodeResponse(result: bigint | null, ascii: boolean): Uint8Array<ArrayBuffer> {
  if (result === null) return packBits(RESPONSE_WIDTHS, [0, 0]);
  const bits = ascii ? 64 : 32;
  if (result < 0n || result >= 2n ** BigInt(bits)) {
    throw new RangeError(`encodeResponse: ${result} does not fit ${bits} bits`);
  }
  return concat([
    packBits(RESPONSE_WIDTHS, [1, 0]),
    ascii ? new TextEncoder().encode(`${result}`) : pack("!I", Number(result)),
  ]);
}

/**
 * Reads the server's datagram.
 *
 * Source: CNP3 exercises.
 *
 * @param response Its bytes.
 * @param ascii Whether the request asked for decimal ASCII: the response does not tell.
 * @returns The result, or `null` for the status S = 0, whatever follows it.
 * @throws {RangeError} If it is no response: empty, or S = 1 and then not exactly 4 bytes, or not 1 to
 * 20 decimal digits for at most 2 ** 64 - 1.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { decodeResponse } from "./calculator.ts";
 *
 * // The same bytes, 1945 in ASCII.
 * const response = new Uint8Array([0x80, 0x31, 0x39, 0x34, 0x35]);
 * assertEquals(decodeResponse(response, true), 1945n);
 * assertEquals(decodeResponse(response, false), 0x31393435n);
 * assertEquals(decodeResponse(new Uint8Array([0]), true), null);
 * ```
 */
export function decodeResponse(response: Uint8Array, ascii: boolean): bigint | null {
  if (response.length === 0) throw new RangeError("decodeResponse: the response is empty");
  const [status] = unpackBits(RESPONSE_WIDTHS, response.subarray(0, 1));
  if (status === 0) return null;

  const payload = response.subarray(1);
  if (ascii) {
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(payload);
    if (/^\d{1,20}$/.test(text) && BigInt(text) < 2n ** 64n) return BigInt(text);
  } else if (payload.length === 4) {
    return BigInt(unpack("!I", payload)[0]);
  }
  const format = ascii ? "64 bits in decimal" : "32 bits";
  throw new RangeError(
    `decodeResponse: the payload ${JSON.stringify(payload.toHex())} is not a number of ${format}`,
  );
}

/**
 * The calculator itself: all that a server does with a request.
 *
 * Source: CNP3 exercises.
 *
 * @param request The client's datagram, whatever is in it.
 * @returns The server's. Its status is S = 0 if {@linkcode decodeRequest} refuses the request, or the
 * exact result overflows its format.
 *
 * @example The request of the exercise, 4 * 2 * 3 in ASCII
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { calculate } from "./calculator.ts";
 *
 * const request = new Uint8Array([0x83, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 3]);
 * assertEquals(calculate(request), new Uint8Array([0x80, 0x32, 0x34]));
 * assertEquals(calculate(request.subarray(0, 12)), new Uint8Array([0]));
 * ```
 */
export function calculate(request: Uint8Array): Uint8Array<ArrayBuffer> {
  try {
    const { operation, ascii, numbers } = decodeRequest(request);
    const [first = 0n, ...others] = numbers.map(BigInt);
    const result = others.reduce((a, b) => operation === "+" ? a + b : a * b, first);
    return encodeResponse(result, ascii);
  } catch (error) {
    // This is how they say that something does not fit the protocol.
    if (error instanceof RangeError) return encodeResponse(null, false);
    throw error;
  }
}
