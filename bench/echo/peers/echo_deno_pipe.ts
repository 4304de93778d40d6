// An echo server for Deno that pipes each connection to itself, as in Deno's manual.
//
//   deno run --allow-all --unstable-net echo_deno_pipe.ts tcp [PORT] | unix PATH

const [transport = "tcp", address = "0"] = Deno.args;

if (transport === "unix") {
  const listener = Deno.listen({ transport: "unix", path: address });
  console.error(`listening on ${address}`);
  for await (const conn of listener) {
    conn.readable.pipeTo(conn.writable).catch(() => {});
  }
} else {
  const hostname = "127.0.0.1";
  const listener = Deno.listen({ hostname, port: Number(address), tcpBacklog: 4096 });
  console.error(`listening on 127.0.0.1:${listener.addr.port}`);
  for await (const conn of listener) {
    conn.setNoDelay(true);
    conn.readable.pipeTo(conn.writable).catch(() => {});
  }
}
