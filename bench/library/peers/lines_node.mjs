// Counts lines with node's readline. For each port on stdin it connects, reads until EOF, and prints the
// numbers of lines and of bytes without newlines.
//
//   node lines_node.mjs

import net from "node:net";
import process from "node:process";
import readline from "node:readline";

readline.createInterface({ input: process.stdin }).on("line", (port) => {
  let lines = 0;
  let bytes = 0;
  readline.createInterface({ input: net.connect(Number(port), "127.0.0.1") })
    .on("line", (line) => {
      lines++;
      bytes += line.length;
    })
    .on("close", () => console.log(`${lines} ${bytes}`));
});
