#!/usr/bin/env -S deno run --allow-net=localhost,127.0.0.1:80
/**
 * Names and addresses, looked up: every address of a host's name, the name of a host's address, the
 * port of a service.
 *
 * Usage: clients/resolve.ts [host] [service] [OPTION...]
 *   --family any|4|6  IPv4 and IPv6 addresses, or those of one family only (any)
 *
 * From CS:APP, hostinfo. Departs from it: IPv6 addresses too, the name of a host that is given as an
 * address, and the service. To look up a name, Deno asks for the permission for the whole host; to look
 * up an address, for its port.
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

/** A service as it was typed: its name tells for which transports it is. */
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
