/**
 * Who asks. Any page that is open in a browser on this machine can send requests here. It reads no answer, unless its
 * own name leads here as well (DNS rebinding): that shows in the host. That an order comes from it shows in two other
 * fields.
 */
import { isIP } from "node:net";

/** Whose the password of a status is. */
export const STATUS_USER = "eddy";

/** Where an order came from, by header fields. */
export interface Origin {
  readonly host?: string | undefined;
  readonly origin?: string | undefined;
  readonly "sec-fetch-site"?: string | string[] | undefined;
}

/** Whether it comes from a web page that is not of this server. What is no browser sends neither field. */
export function isForeign(from: Origin, scheme: "http" | "https"): boolean {
  const { host, origin, "sec-fetch-site": site = "none" } = from;
  if (origin !== undefined && origin !== `${scheme}://${host}`) return true;
  return site !== "none" && site !== "same-origin";
}

/** Whether a server is asked by an address, as localhost, or by a name of its own, in lower case. */
export function isOwnHost(host: string, names: readonly string[]): boolean {
  const [, ipv6, name = ""] = HOST.exec(host.toLowerCase()) ?? [];
  return isIP(ipv6 ?? name) !== 0 || ["localhost", ...names].includes(name);
}

/** RFC 9110, section 7.2. */
const HOST = /^(?:\[(.*)\]|([^:]+))(?::\d*)?$/;
