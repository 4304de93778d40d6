/**
 * `memchr(3)`: returns the index of the first occurrence of a byte from `start` to `end`; `end` if there is
 * none.
 *
 * `Uint8Array.indexOf` is fast in long lines, but in short ones the call costs more than the search.
 */
export function memchr(bytes: DataView, byte: number, start: number, end: number): number {
  // Eight bytes at a time, as in C libraries: XOR with the pattern makes a matching byte 0.
  const pattern = byte * 0x01010101;
  let i = start;
  for (; i + 8 <= end; i += 8) {
    if (hasZeroByte(bytes.getInt32(i) ^ pattern)) break;
    if (hasZeroByte(bytes.getInt32(i + 4) ^ pattern)) break;
  }
  while (i < end && bytes.getUint8(i) !== byte) i++;
  return i;
}

/** Reports whether one of a word's four bytes is 0: subtracting 1 from each byte borrows there. */
function hasZeroByte(word: number): boolean {
  return ((word - 0x01010101) & ~word & 0x80808080) !== 0;
}
