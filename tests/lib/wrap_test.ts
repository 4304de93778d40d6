import { assertEquals } from "@std/assert";
import { wrap } from "../../lib/cli/wrap.ts";

const cases: [what: string, args: Parameters<typeof wrap>, lines: string[]][] = [
  ["leaves a short line as it is", [" a  b ", 6], [" a  b "]],
  ["leaves an empty line as it is", ["", 6], [""]],
  ["breaks at a space", ["one two three", 7], ["one two", "three"]],
  ["fills each line", ["a b c d e f", 5], ["a b c", "d e f"]],
  ["drops the spaces at a break", ["one   two", 6], ["one", "two"]],
  ["keeps the spaces within a line and before it", ["  a  b c", 7], ["  a  b", "c"]],
  ["indents the lines after the first", ["one two three", 7, "  "], ["one two", "  three"]],
  ["counts the indentation", ["one two three x", 8, "  "], ["one two", "  three", "  x"]],
  ["cuts a word that is longer than a line", ["a 123456789 b", 4], ["a", "1234", "5678", "9 b"]],
  ["cuts it with the indentation, too", ["123456789", 5, "  "], ["12345", "  678", "  9"]],
  ["does not limit a line of infinite width", ["x".repeat(999), Infinity], ["x".repeat(999)]],
];

for (const [what, args, lines] of cases) {
  Deno.test(`wrap() ${what}`, () => {
    assertEquals(wrap(...args), lines);
  });
}
