/**
 * Berkeley sockets in Deno: byte order, addresses, robust reads and writes, and servers that survive.
 *
 * @module
 */

// Numbers in the order in which the network sends them.
export * from "./lib/byte_order.ts";
