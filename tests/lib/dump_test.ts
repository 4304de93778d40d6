import { assertEquals } from "@std/assert";
import { bytesLiteral } from "../../lib/cli/dump.ts";
import { python3 } from "../support/python.ts";
import { randomIntegers, toBytes, toText } from "../support/bytes.ts";

Deno.test("bytesLiteral() formats bytes as Python does", () => {
  const literals = {
    "": "b''",
    "This is a message": "b'This is a message'",
    "hi\n": "b'hi\\n'",
    "\t\n\r": "b'\\t\\n\\r'",
    "\0\x07\b\v\f\x1b": "b'\\x00\\x07\\x08\\x0b\\x0c\\x1b'",
    " ~\x7f\x80\xff": "b' ~\\x7f\\x80\\xff'",
    "\\n": "b'\\\\n'",
    "it's": `b"it's"`,
    'say "hi"': `b'say "hi"'`,
    "'\"": `b'\\'"'`,
    "'\"\\'": `b'\\'"\\\\\\''`,
    "\xc3\xa4": "b'\\xc3\\xa4'",
  };
  for (const [text, literal] of Object.entries(literals)) {
    assertEquals(bytesLiteral(toBytes(text)), literal, JSON.stringify(text));
  }
});

/** The literals of python3 for texts whose characters are bytes; null without python3. */
function pythonLiterals(texts: string[]): Promise<string[] | null> {
  const script = "import json, sys\n" +
    "print(json.dumps([repr(text.encode('latin-1')) for text in json.loads(sys.argv[1])]))";
  return python3("-c", script, JSON.stringify(texts));
}

const hasPython = await pythonLiterals([]) !== null;

Deno.test({
  name: `bytesLiteral() agrees with python3${hasPython ? "" : " (no python3)"}`,
  ignore: !hasPython,
  async fn() {
    const random = randomIntegers(1);
    const everyByte = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));
    const texts = [
      everyByte.join(""),
      ...everyByte,
      ...everyByte.map((char) => `'${char}`), // usually in double quotes
      ...everyByte.map((char) => `'"${char}`),
      ...Array.from(
        { length: 200 },
        () => toText(Uint8Array.from({ length: random(50) }, () => random(256))),
      ),
    ];
    const literals = await pythonLiterals(texts);
    assertEquals(literals?.length, texts.length);
    for (const [index, text] of texts.entries()) {
      assertEquals(bytesLiteral(toBytes(text)), literals?.[index], JSON.stringify(text));
    }
  },
});
