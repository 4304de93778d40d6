// An echo server for Node that pipes each connection to itself.
//
//   node echo_node.mjs tcp [PORT] | unix PATH | udp [PORT]

import dgram from "node:dgram";
import net from "node:net";
import process from "node:process";

const BACKLOG = 4096;

const [transport = "tcp", address = "0"] = process.argv.slice(2);

if (transport === "udp") {
  const socket = dgram.createSocket("udp4");
  socket.on("message", (message, { address, port }) => socket.send(message, port, address));
  socket.bind(Number(address), "127.0.0.1", () => {
    console.error(`listening on 127.0.0.1:${socket.address().port}`);
  });
} else {
  const server = net.createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    socket.pipe(socket);
    socket.on("error", () => {});
  });
  const where = transport === "unix"
    ? { path: address }
    : { host: "127.0.0.1", port: Number(address) };
  server.listen({ ...where, backlog: BACKLOG }, () => {
    const at = server.address();
    console.error(`listening on ${typeof at === "string" ? at : `127.0.0.1:${at.port}`}`);
  });
}
