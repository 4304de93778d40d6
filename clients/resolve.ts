#!/usr/bin/env -S deno run --allow-net=localhost,127.0.0.1:80
/**
 * Looks up names and addresses: the addresses of a host name, the name of an address, and the port
 * of a service.
 *
 * Usage: clients/resolve.ts [host] [service] [OPTION...]
 *   --family any|4|6  address family: both, IPv4 or IPv6 (any)
 *
 * From CS:APP, hostinfo. Departs from it: it also prints IPv6 addresses, the name of a host that is
 * given as an address, and the service. To look up a name, Deno requires net permission for the
 * whole host; to look up an address, for the address and port.
 *
 * ```console
 * $ clients/resolve.ts localhost http --family 4
 * 127.0.0.1
 * port: 80/tcp (http)
 * $ clients/resolve.ts 127.0.0.1 80
 * 127.0.0.1
 * name: *
 * port: 80/tcp (*)
 * port: 80/udp (*)
 * ```
 *
 * @module
 */

import { type Argument, host, main, oneOf } from "../cli.ts";
import { getAddrInfo, getNameInfo, inetPton, parsePort } from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./resolve.ts" with { type: "text" };

/** A service, validated but not converted: a name, unlike a port, selects the transport. */
const service: Argument<string> = {
  default: "http",
  async parse(text) {
    await parsePort(text);
    return text;
  },
};

await main(header, {
  operands: { host: host("localhost"), service },
  options: { family: oneOf("any", "4", "6") },
}, async ({ host, service, family }) => {
  // getaddrinfo
  const hints = family === "any" ? {} : { family: family === "4" ? 4 : 6 } as const;
  const addresses = await getAddrInfo(host, service, hints);

  // getnameinfo
  const isAddress = (inetPton(4, host) ?? inetPton(6, host)) !== null;
  const [hosts, names, ports] = [new Set<string>(), new Set<string>(), new Set<string>()];
  for (const address of addresses) {
    const { hostname, port, transport } = address;
    const { host: name, service } = await getNameInfo(address, { numericHost: !isAddress });
    hosts.add(hostname);
    if (isAddress) names.add(`name: ${name}`);
    ports.add(`port: ${port}/${transport} (${service})`);
  }
  for (const line of [...hosts, ...names, ...ports]) console.log(line);
});
