import { assertEquals, assertThrows } from "@std/assert";
import { group, host, optional, port, required, seconds } from "../../lib/cli/arguments.ts";
import type { Argument } from "../../lib/cli/syntax.ts";

// How the words of a command line are read; command_line_test.ts has them in the samples.

/** Good and bad words for an argument that is text. */
function testWords(name: string, argument: Argument<string>, good: string[], bad: string[]): void {
  Deno.test(`${name} accepts valid words and rejects others`, () => {
    for (const word of good) assertEquals(argument.parse(word), word);
    for (const word of bad) {
      assertThrows(() => argument.parse(word), RangeError, JSON.stringify(word), word);
    }
  });
}

testWords("host()", host(), [
  "localhost",
  "example.com.",
  "my_host-1",
  "b\u00fccher.example",
  "127.0.0.1",
  "127.1",
  "::1",
  "::ffff:127.0.0.1",
  "fe80::1%eth0",
  "3com.example",
], [
  "127.0.0.256",
  "1.2.3.4.5",
  "1..2",
  "a b",
  "a/b",
  "a@b",
  "127.0.0.1:7",
  "[::1]",
  "::g",
  "fe80::1%",
  "-x",
  "a\nb",
  "x".repeat(254),
]);

testWords("group()", group("239.0.0.1"), ["224.0.0.0", "239.255.255.255", "ff02::1", "FF01::1:7"], [
  "223.255.255.255",
  "240.0.0.0",
  "fe80::1",
  "224.0.0",
  "x",
]);

Deno.test("required() removes the default, and parses as before", async () => {
  const argument = required(port(7007));
  assertEquals("default" in argument, false);
  assertEquals(await argument.parse("http"), 80);
});

Deno.test("optional() has the default undefined, and parses as before", async () => {
  const argument = optional(port(7007));
  assertEquals("default" in argument, true);
  assertEquals(argument.default, undefined);
  assertEquals(await argument.parse("http"), 80);
});

Deno.test("seconds() gives milliseconds", async () => {
  assertEquals(seconds(300).default, 300_000);
  assertEquals(await seconds(1).parse("0.25"), 250);
  assertEquals(await seconds(1).parse("2"), 2000);
});
