import { assertEquals } from "@std/assert";
import { chomp } from "../../lib/io/chomp.ts";

Deno.test("chomp() removes one line ending, LF or CRLF, and nothing else", () => {
  const cases = {
    "": "",
    "\n": "",
    "\n\n": "\n",
    "a\n": "a",
    "a": "a",
    "a\r\n": "a",
    "\r\n": "",
    "a\r\r\n": "a\r",
    "a\r": "a\r",
    "a\n\r": "a\n\r",
    "\ra\n": "\ra",
    "\na": "\na",
  };
  const toBytes = (text: string) => new TextEncoder().encode(text);
  for (const [line, text] of Object.entries(cases)) {
    assertEquals(chomp(toBytes(line)), toBytes(text), JSON.stringify(line));
  }
});
