/**
 * The path of the C library, which the samples of posix/ load.
 *
 * @module
 */

/** The path in the headers: Debian's on x86-64. */
export const libcInHeaders = "/lib/x86_64-linux-gnu/libc.so.6";

const { arch } = Deno.build;

const paths = [
  `/lib/${arch}-linux-gnu/libc.so.6`, // Debian, Ubuntu
  "/lib64/libc.so.6", // Fedora
  "/lib/libc.so.6", // Arch
  `/lib/libc.musl-${arch}.so.1`, // Alpine
];

/** The path on this machine; `undefined` if there is none, as on systems other than Linux. */
export const libc: string | undefined = paths.find(exists);

/** Replaces the path in the headers by that on this machine. */
export function withLibc(text: string): string {
  return text.replaceAll(libcInHeaders, libc ?? libcInHeaders);
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
