/**
 * What the library has to know of the machine it runs on.
 *
 * @module
 */

/** Whether this host stores the least significant byte of a number first. */
export const hostIsLittleEndian: boolean = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
