/**
 * CNP3's calculator protocol over datagrams: a request contains integers, the response their sum or product.
 *
 * A request is one byte and 1 to 64 integers of 32 bits in network byte order. The byte has 4 unused bits,
 * 3 bits of opcode (0 sum, 1 product) and 1 bit of format (0 for a result of 32 bits in network byte order, 1 for
 * decimal ASCII). A response is one byte and the result. The byte has a status bit S (1 success, 0 error) and
 * 7 unused bits. Unused bits are sent as 0 and ignored when received.
 *
 * The exercise does not define an overflow. Here it is a result over 2 ** 32 - 1 in the 32-bit format, and over
 * 2 ** 64 - 1 in ASCII. Intermediate results do not overflow.
 *
 * @module
 */

import { concat } from "@std/bytes/concat";
import { pack, packBits, unpack, unpackBits } from "../mod.ts";

/** A request to the calculator. */
export interface CalculatorRequest {
  /** `+` for the sum, `*` for the product. */
  operation: "+" | "*";
  /** Whether the result is requested in decimal ASCII; otherwise in 32 bits. */
  ascii: boolean;
  /** 1 to 64 integers from 0 to 4294967295. */
  numbers: readonly number[];
}

/** The operations; the index is the opcode. */
const OPERATIONS: readonly CalculatorRequest["operation"][] = ["+", "*"];

/** The widths of a request's first byte: unused, opcode, format. */
const REQUEST_WIDTHS = [4, 3, 1];

/** The widths of a response's first byte: status, unused. */
const RESPONSE_WIDTHS = [1, 7];

/** The maximum number of integers in a request. */
const MAX_NUMBERS = 64;

/**
 * Encodes a request.
 *
 * Source: CNP3 exercises.
 *
 * @param request The request.
 * @returns A new array of 5 to 257 bytes.
 * @throws {RangeError} If there are not 1 to 64 numbers, or one is not an integer from 0 to 4294967295.
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
      `encodeRequest: the number of integers is ${numbers.length}, not from 1 to ${MAX_NUMBERS}`,
    );
  }
  return concat([
    packBits(REQUEST_WIDTHS, [0, OPERATIONS.indexOf(operation), Number(ascii)]),
    ...numbers.map((number) => pack("!I", number)),
  ]);
}

/**
 * Decodes a request.
 *
 * Source: CNP3 exercises.
 *
 * @param request The bytes of the datagram.
 * @returns The request.
 * @throws {RangeError} If the opcode is unknown, or the size is not 1 + 4 * n bytes with n from 1 to 64.
 *
 * @example The unused bits are ignored
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
      `decodeRequest: ${request.length} bytes are not 1 + 4 * n, n from 1 to ${MAX_NUMBERS}`,
    );
  }
  const [, opcode = 0, format] = unpackBits(REQUEST_WIDTHS, request.subarray(0, 1));
  const operation = OPERATIONS[opcode];
  if (operation === undefined) throw new RangeError(`decodeRequest: unknown opcode ${opcode}`);
  const numbers = unpack(`!${count}I`, request.subarray(1)).map(Number);
  return { operation, ascii: format === 1, numbers };
}

/**
 * Encodes a response.
 *
 * Source: CNP3 exercises.
 *
 * @param result The result, or `null` for an error (S = 0).
 * @param ascii Whether the request asks for decimal ASCII.
 * @returns A new array: 1 byte for an error, 5 bytes for 32 bits, 2 to 21 bytes for ASCII, without a NUL at the
 * end.
 * @throws {RangeError} If the result is negative or overflows: over 2 ** 32 - 1, or 2 ** 64 - 1 in ASCII.
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
    throw new RangeError(`encodeResponse: ${result} does not fit in ${bits} bits`);
  }
  return concat([
    packBits(RESPONSE_WIDTHS, [1, 0]),
    ascii ? new TextEncoder().encode(`${result}`) : pack("!I", Number(result)),
  ]);
}

/**
 * Decodes a response.
 *
 * Source: CNP3 exercises.
 *
 * @param response The bytes of the datagram.
 * @param ascii Whether the request asked for decimal ASCII. The response does not contain its format.
 * @returns The result; `null` for an error (S = 0), whose other bytes are ignored.
 * @throws {RangeError} If the response is empty, or S = 1 and the rest is not exactly 4 bytes or, in ASCII, not
 * 1 to 20 decimal digits of a number up to 2 ** 64 - 1.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { decodeResponse } from "./calculator.ts";
 *
 * // The same bytes in both formats.
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
 * Calculates the response to a request.
 *
 * Source: CNP3 exercises.
 *
 * @param request The client's datagram, with any content.
 * @returns The server's datagram. It reports an error (S = 0) if {@linkcode decodeRequest} rejects the request,
 * or the result overflows.
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
    // The request is invalid, or the result overflows.
    if (error instanceof RangeError) return encodeResponse(null, false);
    throw error;
  }
}
