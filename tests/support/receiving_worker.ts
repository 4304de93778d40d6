/**
 * A Worker that receives once from a blocking socket, and reports the result.
 *
 * @module
 */

import { Descriptor, recv } from "../../posix.ts";

const parent = self as unknown as Worker; // Deno types self as a window

parent.onmessage = ({ data: fd }: MessageEvent<number>) => {
  parent.postMessage("receiving");
  parent.postMessage(recv(new Descriptor(fd), new Uint8Array(80)));
  self.close();
};
