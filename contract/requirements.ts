/**
 * The requirements of tests and transcripts: foreign programs, IPv6 and others.
 *
 * @module
 */

import { libc } from "./libc.ts";

const checks = {
  python3: () => isInstalled("python3", "--version", "Python 3"),
  nc: () => isInstalled("nc", "-h", "OpenBSD"), // the netcat that supports Unix sockets
  socat: () => isInstalled("socat", "-V", "socat"),
  curl: () => isInstalled("curl", "--version", "curl"),
  sha256sum: () => isInstalled("sha256sum", "--version", "GNU"),
  node: () => isInstalled("node", "--help", "Usage: node"), // some machines have Deno under this name
  gcc: () => isInstalled("gcc", "--version", "Free Software Foundation"),
  "aarch64-linux-gnu-gcc": () =>
    isInstalled("aarch64-linux-gnu-gcc", "--version", "Free Software Foundation"),
  haproxy: () => isInstalled("haproxy", "-v", "HAProxy"),
  "systemd-analyze": () => isInstalled("systemd-analyze", "--help", "--offline"), // since systemd 250
  prlimit: () => isInstalled("prlimit", "--version", "util-linux"),
  ss: () => isInstalled("ss", "-V", "iproute2"),
  strace: () => succeeds("strace", "-o", "/dev/null", "true"), // which requires the privilege to trace
  wc: () => isInstalled("wc", "--version", "GNU"),
  IPv6: () => canBind("::1"),
  "Linux C library": () => libc !== undefined,
  "Debian's services": () => hasDebiansServices(), // other systems have http over udp, or no such file
  "raw sockets": canOpenRawSocket,
  "ping sockets": canOpenPingSocket,
  "ICMP sockets": () => canOpenPingSocket() || canOpenRawSocket(),
  "network namespaces": () => succeeds("unshare", "-n", "ip", "link", "set", "lo", "up"),
  root: () => Deno.uid() === 0,
};

/** A requirement of a test or a transcript. */
export type Need = keyof typeof checks;

/** Reports whether a requirement has this name. */
export function isNeed(name: string): name is Need {
  return Object.hasOwn(checks, name);
}

const known = new Map<Need, boolean>();

/** Reports whether a requirement is met. */
export function isHere(need: Need): boolean {
  const here = known.get(need) ?? checks[need]();
  known.set(need, here);
  return here;
}

/** Reports whether a program is installed, and is the expected implementation. */
function isInstalled(program: string, arg: string, says: string): boolean {
  try {
    const { stdout, stderr } = new Deno.Command(program, { args: [arg] }).outputSync();
    return [stdout, stderr].some((bytes) => new TextDecoder().decode(bytes).includes(says));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Reports whether /etc/services is Debian's. */
function hasDebiansServices(): boolean {
  try {
    const text = Deno.readTextFileSync("/etc/services");
    return /^http\s+80\/tcp/m.test(text) && !/^http\s+80\/udp/m.test(text);
  } catch {
    return false;
  }
}

/** Reports whether Python can open a raw socket, which requires root. */
function canOpenRawSocket(): boolean {
  const code = "import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)";
  return succeeds("python3", "-c", code);
}

/** Reports whether this user's group may open a datagram socket for ICMP (icmp(7), ping_group_range). */
function canOpenPingSocket(): boolean {
  try {
    const range = Deno.readTextFileSync("/proc/sys/net/ipv4/ping_group_range");
    const [first = 1, last = 0] = range.split("\t").map(Number); // "1 0": no group may
    const group = Deno.gid() ?? -1;
    return first <= group && group <= last;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Reports whether a program is installed, and exits with 0. */
function succeeds(program: string, ...args: string[]): boolean {
  try {
    return new Deno.Command(program, { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function canBind(hostname: string): boolean {
  try {
    Deno.listen({ hostname, port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}
