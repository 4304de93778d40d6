// An echo server for Deno without a library: a loop that awaits each read and each write.
//
//   deno run --allow-all --unstable-net echo_deno_loop.ts tcp [PORT] | unix PATH | udp [PORT]

const [transport = "tcp", address = "0"] = Deno.args;
const hostname = "127.0.0.1";

if (transport === "udp") {
  const socket = Deno.listenDatagram({ transport, hostname, port: Number(address) });
  console.error(`listening on 127.0.0.1:${(socket.addr as Deno.NetAddr).port}`);
  for await (const [message, from] of socket) await socket.send(message, from);
} else if (transport === "unix") {
  const listener = Deno.listen({ transport, path: address });
  console.error(`listening on ${address}`);
  for await (const conn of listener) echo(conn).catch(() => {});
} else {
  const listener = Deno.listen({ hostname, port: Number(address), tcpBacklog: 4096 });
  console.error(`listening on 127.0.0.1:${listener.addr.port}`);
  for await (const conn of listener) {
    conn.setNoDelay(true);
    echo(conn).catch(() => {});
  }
}

async function echo(conn: Deno.Conn): Promise<void> {
  using _ = conn;
  const buffer = new Uint8Array(65536);
  for (;;) {
    const count = await conn.read(buffer);
    if (count === null) return;
    for (let sent = 0; sent < count;) sent += await conn.write(buffer.subarray(sent, count));
  }
}
