// An echo server for Bun. The backlog is 512; Bun has no option to change it.
//
//   bun echo_bun.mjs tcp [PORT] | unix PATH | udp [PORT]

import process from "node:process";

const [transport = "tcp", address = "0"] = process.argv.slice(2);

/** Sends data. Keeps what is unsent in `socket.data`, and pauses reading until it is sent. */
function send(socket, data) {
  const sent = Math.max(0, socket.write(data));
  if (sent === data.length) {
    if (socket.data === undefined) return;
    socket.data = undefined;
    socket.resume();
  } else {
    if (socket.data === undefined) socket.pause();
    socket.data = Uint8Array.from(data.subarray(sent)); // a copy: Bun reuses the buffer
  }
}

const handlers = {
  open(socket) {
    socket.setNoDelay?.(true);
  },
  data: send,
  drain(socket) {
    if (socket.data !== undefined) send(socket, socket.data);
  },
  end(socket) {
    socket.end();
  },
  error() {},
};

if (transport === "udp") {
  const socket = await Bun.udpSocket({
    hostname: "127.0.0.1",
    port: Number(address),
    socket: {
      data: (socket, message, port, host) => void socket.send(message, port, host),
    },
  });
  console.error(`listening on 127.0.0.1:${socket.port}`);
} else if (transport === "unix") {
  Bun.listen({ unix: address, allowHalfOpen: true, socket: handlers });
  console.error(`listening on ${address}`);
} else {
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: Number(address),
    allowHalfOpen: true,
    socket: handlers,
  });
  console.error(`listening on 127.0.0.1:${server.port}`);
}
