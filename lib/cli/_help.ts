// The text that `--help` prints.

/** What `--help` says of every program. */
export const DASHES = 'A word after "--" is an operand, even if it begins with a dash.';

/** The doc comment at the top of a source, as text. */
export function helpText(source: string): string {
  const [, comment = ""] = /\/\*\*\n([^]*?)\n \*\//.exec(source) ?? [];
  return comment.replace(/^ \* ?/gm, "").replace(/^@module$/m, "").trimEnd();
}
