/**
 * Wraps a line of text at words.
 *
 * @param text The text.
 * @param width The longest line, in characters. A longer word is split.
 * @param indent The indentation of the second and later lines; shorter than `width`. Default none.
 * @returns The lines, without newlines; `text` itself if it is short enough.
 */
export function wrap(text: string, width: number, indent: string = ""): string[] {
  if (text.length <= width) return [text];
  const lines: string[] = [];
  let line = "";
  for (const word of text.match(/\s*\S+/g) ?? []) {
    if (line !== "" && line.length + word.length > width) {
      lines.push(line);
      line = indent + word.trimStart();
    } else {
      line += word;
    }
    while (line.length > width) {
      lines.push(line.slice(0, width));
      line = indent + line.slice(width);
    }
  }
  return [...lines, line];
}
