/**
 * The kinds of arguments, for the syntax that a program gives to `main`.
 *
 * @module
 */

import { inetPton } from "../address/inet.ts";
import { parsePort } from "../address/services.ts";
import type { Argument } from "./syntax.ts";

/** Text, for {@linkcode required}: unlike text that has a default, it may be empty. */
export const text: Argument<string> = { parse: (text) => text };

/**
 * An argument that must be given.
 *
 * @param argument How it is read, {@linkcode text} for instance; its default does not count.
 * @returns The same without a default. See {@linkcode main} for an example.
 */
export function required<T>({ parse }: Argument<T>): Argument<T> {
  return { parse };
}

/**
 * An argument that is a host: an IPv4 or IPv6 address, or a name that the resolver may know.
 *
 * @param value The host when none is given. Default `localhost`.
 * @returns How to read it: what can be neither is rejected without a look-up.
 * See {@linkcode main} for an example.
 */
export function host(value: string = "localhost"): Argument<string> {
  return {
    default: value,
    parse(text) {
      // An IPv6 address may name an interface: fe80::1%eth0. A name that ends in a number is an IPv4
      // address to the resolver, and has to be one: 127.0.0.1 and 127.1 are, 127.0.0.256 is not.
      const isV6 = inetPton(6, text.replace(/%.+$/, "")) !== null;
      const isName = /^[\p{L}\p{N}_][\p{L}\p{N}._-]{0,252}$/u.test(text) &&
        URL.canParse(`http://${text}`);
      if (isV6 || isName) return text;
      throw new RangeError(`${JSON.stringify(text)} is neither an address nor a host name`);
    },
  };
}

/**
 * `IN_MULTICAST`: an argument that is a multicast group, an address of 224.0.0.0/4 or ff00::/8.
 *
 * @param value The group when none is given.
 * @returns How to read it. See {@linkcode main} for an example.
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
 * An argument that is a port: a number from 0 to 65535 or a service's name.
 *
 * @param value The port when none is given. Default 0, which takes a free one.
 * @returns How to read it. See {@linkcode main} for an example.
 */
export function port(value: number = 0): Argument<number> {
  return { default: value, parse: (text) => parsePort(text) };
}

/**
 * An argument that counts something: an integer from 1.
 *
 * @param value The count when none is given.
 * @param max The largest count. Default 999,999,999.
 * @returns How to read it. See {@linkcode main} for an example.
 */
export function count(value: number, max: number = 999_999_999): Argument<number> {
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
 * An argument that is a rate: an integer from 0.
 *
 * @param value The rate when none is given.
 * @returns How to read it. See {@linkcode main} for an example.
 */
export function rate(value: number): Argument<number> {
  return {
    default: value,
    parse(text) {
      if (/^\d{1,9}$/.test(text)) return Number(text);
      throw new RangeError(`${JSON.stringify(text)} is not a whole number from 0`);
    },
  };
}

/**
 * An argument that is a time in seconds, with a fraction if need be.
 *
 * @param value The time when none is given.
 * @returns How to read it. See {@linkcode main} for an example.
 */
export function seconds(value: number): Argument<number> {
  return {
    default: value,
    parse(text) {
      if (/^\d{1,6}(\.\d+)?$/.test(text)) return Number(text);
      throw new RangeError(`${JSON.stringify(text)} is not a number of seconds`);
    },
  };
}

/**
 * An argument that is a file's mode: three octal digits, as chmod(1) has it.
 *
 * @param value The mode when none is given.
 * @returns How to read it. See {@linkcode main} for an example.
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
 * An argument that is one of a few words.
 *
 * @param words The words; the first is the one when none is given.
 * @returns How to read it. See {@linkcode main} for an example.
 */
export function oneOf<W extends string>(...words: [W, ...W[]]): Argument<W> {
  return {
    default: words[0],
    parse(text) {
      const word = words.find((word) => word === text);
      if (word !== undefined) return word;
      throw new RangeError(`${JSON.stringify(text)} is none of ${words.join(", ")}`);
    },
  };
}
