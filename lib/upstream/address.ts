/** Where an upstream listens, as a user writes it. */
import { UsageError } from "../common/errors.ts";

export interface UpstreamAddress {
  /** As it was given, for the log. */
  readonly name: string;
  /** For `net.connect`, and by the same names for `http.request`. */
  readonly connect: { path: string } | { host: string; port: number };
}

/**
 * `unix:/path`, `host:port`, `[::1]:port`; with `scheme`, `http://host:port` in place of the latter two.
 *
 * @throws {UsageError} for anything else.
 */
export function upstreamAddresses(
  given: string | readonly string[],
  scheme = "",
): UpstreamAddress[] {
  const names = typeof given === "string" ? [given] : [...given];
  if (names.length === 0) throw new UsageError("name at least one upstream");
  return names.map((name) => ({ name, connect: parse(name, scheme) }));
}

function parse(name: string, scheme: string): UpstreamAddress["connect"] {
  const path = /^unix:(\/.+)$/.exec(name)?.[1];
  if (path !== undefined) return { path };
  const address = name.startsWith(scheme) ? name.slice(scheme.length) : "";
  const [, ipv6, host = ipv6, port] =
    /^(?:\[([\da-fA-F:.]+)\]|([\w.-]+)):(\d{1,5})\/?$/.exec(address) ?? [];
  if (host === undefined || Number(port) > 65_535 || Number(port) === 0)
    throw new UsageError(
      `an upstream is "unix:/path" or "${scheme}host:port", not "${name}"`,
    );
  return { host, port: Number(port) };
}
