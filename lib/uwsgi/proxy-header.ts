/** Tells a listener of the loop who the client is, by version 2 of the PROXY protocol (section 2.2 of its text). */
import { isIPv4 } from "node:net";
import ipaddr from "ipaddr.js";

const SIGNATURE = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10];
const VERSION_2_PROXY = 0x21;
const TCP_4 = 0x11;
const TCP_6 = 0x21;

/** A header with this address as the source; destination and ports, which nobody reads, are zero. */
export function proxyHeader(address: string): Buffer {
  const bytes = ipaddr.parse(address).toByteArray();
  const rest = Buffer.alloc(2 * bytes.length + 4);
  rest.set(bytes);
  const family = isIPv4(address) ? TCP_4 : TCP_6;
  return Buffer.from([
    ...SIGNATURE,
    VERSION_2_PROXY,
    family,
    0,
    rest.length,
    ...rest,
  ]);
}
