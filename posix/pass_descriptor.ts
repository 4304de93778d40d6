#!/usr/bin/env -S deno run --allow-ffi=/lib/x86_64-linux-gnu/libc.so.6 --allow-run=/proc/self/exe
/**
 * Passes a listening socket to another process, which accepts a client on it.
 *
 * Usage: posix/pass_descriptor.ts [OPTION...]
 *   --descriptor N  run as the other process, which receives on the socket with this number
 *
 * The program starts itself as a child process, and passes it one end of a socketpair(2): it clears
 * close-on-exec on that end, so that the child inherits it under the same number. Over the other end
 * it sends the listening socket with SCM_RIGHTS. The child receives a new descriptor, which may have
 * another number, of the same socket: it accepts the client that waits in the backlog. SO_PEERCRED
 * returns the process, user and group that created the socketpair, as the kernel recorded them.
 * The processes need not be related: every Unix-domain connection can carry descriptors.
 *
 * `--allow-ffi` lets the program call every function of the C library, and outranks all other
 * flags. `--allow-run` names /proc/self/exe, the running program: Deno, or this sample's
 * executable.
 *
 * ```console
 * $ posix/pass_descriptor.ts
 * process * sends descriptor *
 * process * has received descriptor * from process *, user *, group *
 * the client has received: accepted by process *
 * ```
 *
 * @module
 */

import { count, main, optional } from "../cli.ts";
import { requirePermissions, unpack, withContext } from "../mod.ts";
import {
  accept,
  AF_INET,
  bind,
  connect,
  Descriptor,
  F_SETFD,
  fcntl,
  getsockname,
  getsockoptBytes,
  libcPermission,
  listen,
  Message,
  poll,
  POLLIN,
  receivedDescriptors,
  recv,
  recvmsg,
  rightsMessage,
  send,
  sendmsg,
  SO_PEERCRED,
  SOCK_STREAM,
  socket,
  socketpair,
  SOL_SOCKET,
} from "../posix.ts";
// This file as text: main() prints its header for --help.
import header from "./pass_descriptor.ts" with { type: "text" };

const SELF = "/proc/self/exe";

await main(header, {
  operands: {},
  options: { descriptor: optional(count(1)) },
}, async ({ descriptor }) => {
  if (descriptor === undefined) return await passListener();
  await serveClient(new Descriptor(descriptor)).catch((error) => {
    throw withContext(`descriptor ${descriptor}`, error);
  });
});

/** The parent: passes a listening socket, in whose backlog a client waits. */
async function passListener(): Promise<void> {
  await requirePermissions(libcPermission(), { name: "run", command: SELF });
  // socket, bind, listen
  using listener = socket(AF_INET, SOCK_STREAM);
  bind(listener, { transport: "tcp", hostname: "127.0.0.1", port: 0 });
  listen(listener, 5);
  // connect
  using client = socket(AF_INET, SOCK_STREAM);
  connect(client, getsockname(listener));

  // socketpair
  const [own, other] = socketpair(SOCK_STREAM);
  using parentEnd = own;
  using childEnd = other;
  // fcntl: all other descriptors are closed at execve
  fcntl(childEnd, F_SETFD, 0);
  // fork, execve
  await using child = startSelf(`--descriptor=${childEnd.fd}`);
  childEnd.close();

  // sendmsg, close
  console.log(`process ${Deno.pid} sends descriptor ${listener.fd}`);
  const byte = new Uint8Array(1); // descriptors must be sent with data
  sendmsg(parentEnd, new Message([byte], { control: [rightsMessage([listener])] }));
  listener.close();

  // recv
  const reply = new Uint8Array(80);
  await poll([{ descriptor: client, events: POLLIN }]);
  const size = recv(client, reply);
  console.log(`the client has received: ${new TextDecoder().decode(reply.subarray(0, size))}`);
  // waitpid
  const { code } = await child.status;
  if (code !== 0) throw new Error(`waitpid: the child has exited with ${code}`);
}

/** Starts this program. Deno requires the program's URL; an executable contains the program. */
function startSelf(arg: string): Deno.ChildProcess {
  const run = ["run", "--quiet", `--allow-ffi=${libcPermission().path}`, import.meta.url];
  const args = Deno.build.standalone ? [arg] : [...run, arg];
  return new Deno.Command(SELF, { args, stdin: "null" }).spawn();
}

/** The child: receives a listening socket from its parent, and serves one client on it. */
async function serveClient(parent: Descriptor): Promise<void> {
  // getsockopt: struct ucred
  const [pid, uid, gid] = unpack("=3I", getsockoptBytes(parent, SOL_SOCKET, SO_PEERCRED, 12));
  // recvmsg
  const message = new Message([new Uint8Array(1)], { controlSize: 24 });
  await poll([{ descriptor: parent, events: POLLIN }]);
  recvmsg(parent, message);
  const [listener, ...rest] = receivedDescriptors(message);
  for (const descriptor of rest) descriptor.close(); // a peer may send more than one
  if (listener === undefined) throw new Error("recvmsg: no descriptor received");
  const sender = `process ${pid}, user ${uid}, group ${gid}`;
  console.log(`process ${Deno.pid} has received descriptor ${listener.fd} from ${sender}`);

  // accept
  await poll([{ descriptor: listener, events: POLLIN }]);
  using client = accept(listener)?.socket;
  // send, close
  if (client) send(client, new TextEncoder().encode(`accepted by process ${Deno.pid}`));
}
