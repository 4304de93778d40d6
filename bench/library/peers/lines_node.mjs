// Counts lines by node's readline: for each port on stdin it connects, reads to the end, and prints
// how many lines and how many bytes there were, the newlines left out.
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
