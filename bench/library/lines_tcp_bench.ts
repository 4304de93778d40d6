// Reading lines from another process over TCP on loopback: BufferedReader compared with transform
// streams and node:readline, and, if they are installed, with node and with CS:APP's rio_readlineb in C.

import { connect } from "node:net";
import { isHere } from "../../contract/requirements.ts";
import {
  check,
  LINES,
  readEvents,
  readLines,
  readStream,
  tryReadLines,
  tryReadTexts,
} from "./lines.ts";
import { startSender } from "./sender.ts";

const hostname = "127.0.0.1";
const port = await startSender();
const group = `${LINES} lines over TCP`;

Deno.bench("TextDecoderStream and TextLineStream: strings", { group, baseline: true }, async () => {
  const conn = await Deno.connect({ hostname, port });
  await readStream(conn.readable);
});

Deno.bench("node:readline events: strings", { group }, async () => {
  await readEvents(connect(port, hostname));
});

Deno.bench("readLine(): bytes", { group }, async () => {
  using conn = await Deno.connect({ hostname, port });
  await readLines(conn);
});

Deno.bench("tryReadLine(), decoded: strings", { group }, async () => {
  using conn = await Deno.connect({ hostname, port });
  await tryReadTexts(conn);
});

Deno.bench("tryReadLine(): bytes", { group }, async () => {
  using conn = await Deno.connect({ hostname, port });
  await tryReadLines(conn);
});

/** Measures a program that reads the lines from each port typed on its stdin and prints their counts. */
function benchPeer(name: string, path: string, ...args: string[]): void {
  const peer = new Deno.Command(path, { args, stdin: "piped", stdout: "piped" }).spawn();
  addEventListener("unload", () => peer.kill());
  const stdin = peer.stdin.getWriter();
  const stdout = peer.stdout.getReader();
  Deno.bench(name, { group }, async () => {
    await stdin.write(new TextEncoder().encode(`${port}\n`));
    const { value } = await stdout.read();
    const [lines, bytes] = new TextDecoder().decode(value).split(" ").map(Number);
    check(lines ?? NaN, bytes ?? NaN);
  });
}

const peers = new URL("peers/", import.meta.url).pathname;

if (isHere("node")) {
  benchPeer("node, node:readline events: strings", "node", `${peers}lines_node.mjs`);
}

if (isHere("gcc")) {
  const folder = await Deno.makeTempDir();
  addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  const args = ["-O2", "-o", `${folder}/lines`, `${peers}lines.c`];
  if (!new Deno.Command("gcc", { args }).outputSync().success) throw new Error("gcc failed");
  benchPeer("C, rio_readlineb: bytes", `${folder}/lines`);
}
