/**
 * The kinds of arguments, from which a program builds the syntax of its command line.
 *
 * @module
 */

import { inetPton } from "../address/inet.ts";
import { parsePort } from "../address/services.ts";
import type { Argument } from "./syntax.ts";

/**
 * Any text, for {@linkcode required} and {@linkcode optional}. Required text may be empty.
 *
 * @category Arguments
 */
export const text: Argument<string> = { parse: (text) => text };

/**
 * An argument that must be given.
 *
 * @param argument The kind of the argument, for example {@linkcode text}. Its default is ignored.
 * @returns The same kind without a default. See {@linkcode main} for an example.
 *
 * @category Arguments
 */
export function required<T>(argument: Argument<T>): Argument<T> {
  return { parse: argument.parse };
}

/**
 * An argument whose value is `undefined` when it is not given.
 *
 * @param argument The kind of the argument, for example {@linkcode text}. Its default is ignored.
 * @returns The same kind with the default `undefined`. See {@linkcode main} for an example.
 *
 * @category Arguments
 */
export function optional<T>(argument: Argument<T>): Argument<T | undefined> {
  return { default: undefined, parse: argument.parse };
}

/**
 * A host: an IPv4 or IPv6 address, or a host name. The name is not looked up.
 *
 * @param value The default. Default `localhost`.
 * @returns The kind of argument. See {@linkcode main} for an example.
 *
 * @category Arguments
 */
export function host(value?: string): Argument<string> {
  value ??= "localhost";
  return {
    default: value,
    parse(text) {
      // An IPv6 address may have a zone: fe80::1%eth0. A name that ends in a number must be an IPv4 address,
      // because the resolver parses it as one: 127.0.0.1 and 127.1 are valid, 127.0.0.256 is not.
      const isV6 = inetPton(6, text.replace(/%.+$/, "")) !== null;
      const isName = /^[\p{L}\p{N}_][\p{L}\p{N}._-]{0,252}$/u.test(text) &&
        URL.canParse(`http://${text}`);
      if (isV6 || isName) return text;
      throw new RangeError(`${JSON.stringify(text)} is neither an address nor a host name`);
    },
  };
}

/**
 * `IN_MULTICAST`: a multicast group, an address of 224.0.0.0/4 or ff00::/8.
 *
 * @param value The default.
 * @returns The kind of argument. See {@linkcode main} for an example.
 *
 * @category Arguments
 */
export function group(value: string): Argument<string> {
  return {
    default: value,
    parse(text) {
      const v4 = inetPton(4, text)?.[0] ?? 0;
      const v6 = inetPton(6, text)?.[0] ?? 0;
      if (v4 >> 4 === 0xe || v6 === 0xff) return text;
      throw new RangeError(`${JSON.stringify(text)} is not the address of a multicast group`);
    },
  };
}

/**
 * A port: a number from 0 to 65535 or the name of a service.
 *
 * @param value The default. Default 0: any free port.
 * @returns The kind of argument. See {@linkcode main} for an example.
 *
 * @category Arguments
 */
export function port(value?: number): Argument<number> {
  value ??= 0;
  return { default: value, parse: (text) => parsePort(text) };
}

/**
 * A count: an integer from 1 to `max`.
 *
 * @param value The default.
 * @param max The maximum. Default 999,999,999.
 * @returns The kind of argument. See {@linkcode main} for an example.
 *
 * @category Arguments
 */
export function count(value: number, max?: number): Argument<number> {
  max ??= 999_999_999;
  return {
    default: value,
    parse(text) {
      const number = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
      if (number >= 1 && number <= max) return number;
      throw new RangeError(`${JSON.stringify(text)} is not a whole number from 1 to ${max}`);
    },
  };
}

/**
 * A rate: an integer from 0 to 999,999,999.
 *
 * @param value The default.
 * @returns The kind of argument. See {@linkcode main} for an example.
 *
 * @category Arguments
 */
export function rate(value: number): Argument<number> {
  return {
    default: value,
    parse(text) {
      if (/^\d{1,9}$/.test(text)) return Number(text);
      throw new RangeError(`${JSON.stringify(text)} is not a whole number from 0 to 999999999`);
    },
  };
}

/**
 * A time in seconds, with an optional fraction. The value is in milliseconds.
 *
 * @param value The default, in seconds.
 * @returns The kind of argument. See {@linkcode main} for an example.
 *
 * @category Arguments
 */
export function seconds(value: number): Argument<number> {
  return {
    default: value * 1000,
    parse(text) {
      if (/^\d{1,6}(\.\d+)?$/.test(text)) return Number(text) * 1000;
      throw new RangeError(`${JSON.stringify(text)} is not a number of seconds`);
    },
  };
}

/**
 * A file mode: three octal digits, as in chmod(1).
 *
 * @param value The default.
 * @returns The kind of argument. See {@linkcode main} for an example.
 *
 * @category Arguments
 */
export function mode(value: number): Argument<number> {
  return {
    default: value,
    parse(text) {
      if (/^0?[0-7]{3}$/.test(text)) return parseInt(text, 8);
      throw new RangeError(`${JSON.stringify(text)} is not a mode of three octal digits`);
    },
  };
}

/**
 * One of several words.
 *
 * @param words The words. The first is the default.
 * @returns The kind of argument. See {@linkcode main} for an example.
 *
 * @category Arguments
 */
export function oneOf<W extends string>(...words: [W, ...W[]]): Argument<W> {
  return {
    default: words[0],
    parse(text) {
      const word = words.find((word) => word === text);
      if (word !== undefined) return word;
      throw new RangeError(`${JSON.stringify(text)} is not one of ${words.join(", ")}`);
    },
  };
}
