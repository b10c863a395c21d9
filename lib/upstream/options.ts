/** What can be set where requests are handed on to other servers: where they listen, and how they are treated. */
import {
  checkOptions,
  COUNT,
  MAX_TIMER_MS,
  type Rule,
} from "../common/checked-options.ts";
import { UsageError } from "../common/errors.ts";

export interface UpstreamOptions {
  /**
   * Milliseconds to connect in, and to answer `healthCheck` in.
   *
   * @default 5000: a server on one's own network that takes longer is not there
   */
  connectTimeoutMs?: number;
  /**
   * Milliseconds for which the upstream may be silent, or take nothing of the request's body, while it is waited for.
   * Then the client gets 504, or a cut connection when the head is out. Waiting for the client does not count.
   *
   * @default 60_000, as nginx's `uwsgi_read_timeout`
   */
  timeoutMs?: number;
  /**
   * How often a request is tried again, with another upstream where there is one.
   * Only while no upstream has seen it: the connection failed; or a kept connection turned out to be closed, and the
   * request is idempotent and has no body.
   *
   * @default each upstream once, and once more for a single one
   */
  retries?: number;
  /**
   * Who gets the next request: `"least"`, the one with the fewest; or, so that the same clients come to the same server
   * while it works, by the value of a field, `"header:x-user"`, or of a cookie, `"cookie:session"`. Requests without it
   * go by `"least"`.
   *
   * @default "least"
   */
  balance?: string;
  /**
   * Failures in a row after which an upstream is left out.
   *
   * @default 1, as nginx's `max_fails`
   */
  maxFails?: number;
  /**
   * Milliseconds for which it is left out; then one request tries it.
   *
   * @default 10_000, as nginx's `fail_timeout`
   */
  failTimeoutMs?: number;
  /**
   * A path that each upstream is asked for again and again: `"/healthz"`. While the answer is not of 2xx or 3xx, or
   * there is none, the upstream is left out, whatever it makes of requests; `maxFails` such answers in a row are needed
   * for that, and one good one is enough to take it back. Each process asks for itself.
   *
   * @default none: what becomes of requests says enough of a server that is up or gone, as with nginx
   */
  healthCheck?: string;
  /**
   * Milliseconds from an answer to the next time that it is asked for.
   *
   * @default 5000, as of `health_check` in nginx Plus
   */
  healthIntervalMs?: number;
}

export type UpstreamSettings = Required<Omit<UpstreamOptions, "healthCheck">> &
  Pick<UpstreamOptions, "healthCheck">;

export const MILLISECONDS: Rule = [
  (value) => typeof value === "number" && value > 0,
  "a number of milliseconds above 0",
];
const RULES: Record<keyof UpstreamOptions, Rule> = {
  connectTimeoutMs: MILLISECONDS,
  timeoutMs: MILLISECONDS,
  retries: [
    (value) => value === 0 || COUNT[0](value),
    "a whole number from 0 up",
  ],
  balance: [
    (value) =>
      typeof value === "string" &&
      /^(?:least|(?:header|cookie):[\w!#$%&'*+.^`|~-]+)$/.test(value),
    '"least", "header:" and a name, or "cookie:" and a name',
  ],
  maxFails: COUNT,
  failTimeoutMs: MILLISECONDS,
  healthCheck: [
    (value) => typeof value === "string" && /^\/[\x21-\x7e]*$/.test(value),
    'a path: "/healthz"',
  ],
  healthIntervalMs: MILLISECONDS,
};

/**
 * The options, checked, with defaults for those that are missing.
 *
 * @param upstreams - how many there are.
 * @param further - rules of options that an adapter has beside these.
 * @throws {UsageError} naming an option that does not exist or has a bad value.
 */
export function upstreamSettings<T extends UpstreamOptions>(
  options: T,
  upstreams: number,
  further: Record<string, Rule> = {},
): T & UpstreamSettings {
  const given = checkOptions(options, { ...RULES, ...further });
  const settings = {
    connectTimeoutMs: 5000,
    timeoutMs: 60_000,
    retries: Math.max(1, upstreams - 1),
    balance: "least",
    maxFails: 1,
    failTimeoutMs: 10_000,
    healthIntervalMs: 5000,
    ...given,
  } as T & UpstreamSettings;
  settings.connectTimeoutMs = Math.min(settings.connectTimeoutMs, MAX_TIMER_MS);
  settings.timeoutMs = Math.min(settings.timeoutMs, MAX_TIMER_MS);
  settings.healthIntervalMs = Math.min(settings.healthIntervalMs, MAX_TIMER_MS);
  return settings;
}

export interface UpstreamAddress {
  /** As it was given, for the log. */
  readonly name: string;
  /** For `net.connect`, and by the same names for `http.request`. */
  readonly connect: { path: string } | { host: string; port: number };
  /** By TLS. */
  readonly secure: boolean;
}

/**
 * `unix:/path`, `host:port`, `[::1]:port`; with `scheme`, `http://host:port` or `https://host:port` in place of the
 * latter two.
 *
 * @throws {UsageError} for anything else.
 */
export function upstreamAddresses(
  given: string | readonly string[],
  scheme = "",
): UpstreamAddress[] {
  const names = typeof given === "string" ? [given] : [...given];
  if (names.length === 0) throw new UsageError("name at least one upstream");
  return names.map((name) => {
    const secure = scheme !== "" && name.startsWith(SECURE);
    return { name, connect: parse(name, secure ? SECURE : scheme), secure };
  });
}

const SECURE = "https://";

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
