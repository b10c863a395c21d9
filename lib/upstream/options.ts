/** What can be set where requests are handed on to other servers. */
import { UsageError } from "../errors.ts";
import { MAX_TIMER_MS } from "../options.ts";

export interface UpstreamOptions {
  /** Milliseconds to connect in. Default 5,000: on a network of one's own, a server that takes longer is not there. */
  connectTimeoutMs?: number;
  /** Milliseconds that the upstream may be silent, or take nothing of the request's body, while it is waited for; then 504, or a cut connection when the head is out. What is waited for the client does not count. Default 60,000, as nginx's `uwsgi_read_timeout`. */
  timeoutMs?: number;
  /** How often a request is tried again, with another upstream where there is one. Only when no upstream has seen it: the connection failed; or, for an idempotent request without a body, when a kept connection turned out to be closed. Default: each upstream once, and once more for a single one. */
  retries?: number;
  /** Failures in a row after which an upstream is left out. Default 1, as nginx's `max_fails`. */
  maxFails?: number;
  /** Milliseconds for which it is left out; then one request tries it. Default 10,000, as nginx's `fail_timeout`. */
  failTimeoutMs?: number;
}

export type UpstreamSettings = Required<UpstreamOptions>;

type Rule = [valid: (value: unknown) => boolean, expected: string];

export const MILLISECONDS: Rule = [
  (value) => typeof value === "number" && value > 0,
  "a number of milliseconds above 0",
];
const COUNT: Rule = [
  (value) => Number.isInteger(value) && (value as number) >= 0,
  "a whole number from 0 up",
];

const RULES: Record<keyof UpstreamOptions, Rule> = {
  connectTimeoutMs: MILLISECONDS,
  timeoutMs: MILLISECONDS,
  retries: COUNT,
  maxFails: [
    (value) => COUNT[0](value) && value !== 0,
    "a whole number from 1 up",
  ],
  failTimeoutMs: MILLISECONDS,
};

/** `further`: rules of options that an adapter has beside these. @throws {UsageError} naming an option that does not exist or has a bad value. */
export function upstreamSettings<T extends UpstreamOptions>(
  options: T,
  upstreams: number,
  further: Record<string, Rule> = {},
): T & UpstreamSettings {
  const rules: Record<string, Rule> = { ...RULES, ...further };
  const given = Object.entries(options).filter(([, it]) => it !== undefined);
  for (const [name, value] of given) {
    if (!Object.hasOwn(rules, name))
      throw new UsageError(
        `there is no option "${name}" here, only ${Object.keys(rules).join(", ")}`,
      );
    const [valid, expected] = rules[name]!;
    if (!valid(value))
      throw new UsageError(
        `option "${name}" takes ${expected}, not ${String(value)}`,
      );
  }
  const settings = {
    connectTimeoutMs: 5000,
    timeoutMs: 60_000,
    retries: Math.max(1, upstreams - 1),
    maxFails: 1,
    failTimeoutMs: 10_000,
    ...Object.fromEntries(given),
  } as T & UpstreamSettings;
  settings.connectTimeoutMs = Math.min(settings.connectTimeoutMs, MAX_TIMER_MS);
  settings.timeoutMs = Math.min(settings.timeoutMs, MAX_TIMER_MS);
  return settings;
}
