/** Who asks, and how, as a server behind the loop is told: what a client says of that itself is not to be believed. */
import type { GatewayRequest } from "../../lib/adapter.ts";

const NAMES = [
  "client-ip",
  "forwarded(?:-for)?",
  "front-end-https",
  "true-client-ip",
  "x-client-ip",
  "x-cluster-client-ip",
  "x-forwarded(?:-.*)?",
  "x-original-host",
  "x-real-ip",
  "x-scheme",
  "x-url-scheme",
];

/** Also with underscores and dots: there are servers for which `X_Forwarded_For` is the same field. */
const SAYS_WHO_ASKS = new RegExp(
  `^(?:${NAMES.join("|").replaceAll("-", "[-_.]")})$`,
);

/** Of fields as name, value, …, with names in lower case: the names of those in which a client says it. */
export const namesToDrop = (raw: readonly string[]): string[] =>
  raw.filter((text, i) => i % 2 === 0 && SAYS_WHO_ASKS.test(text));

/** As this loop knows it, behind trusted proxies from them: name, value, … */
export function whoAsks(request: GatewayRequest): string[] {
  const { remoteAddress, scheme, host } = request;
  const fields = ["x-forwarded-proto", scheme];
  if (remoteAddress !== "") fields.push("x-forwarded-for", remoteAddress);
  if (host !== "") fields.push("x-forwarded-host", host);
  return fields;
}
