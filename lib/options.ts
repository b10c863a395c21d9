/** Every option of a loop, its default and the reason for it. */
import { UsageError } from "./errors.ts";
import type { Logger } from "./log.ts";

export interface LoopOptions {
  /** A pino logger; `false` is silent. Default: JSON lines on standard output from level "info". */
  log?: Logger | false;
  /** One line for each exchange, as fields (`true`) or in Apache's combined format. Default `false`: it costs, and a proxy in front often has one. */
  accessLog?: boolean | "combined";
  /** Bytes of a request body, after which it is refused with 413. `Infinity` allows any. Default 1 MiB, as nginx and Fastify have it; a mount can have its own. */
  maxBodyBytes?: number;
  /** Milliseconds that `close()` gives the exchanges that are still running, before it halts them. Default 30,000, as Gunicorn's `graceful_timeout`. */
  drainTimeoutMs?: number;
  /** Milliseconds that the cleanup of a halted task may take before it is named in the log; `close()` goes on without it then. Default 5,000: a cleanup is to let go, not to work. */
  teardownTimeoutMs?: number;
}

/** Options of one mount or route. */
export interface MountOptions {
  /** In place of the loop's. */
  maxBodyBytes?: number;
}

export interface Settings {
  accessLog: boolean | "combined";
  maxBodyBytes: number;
  drainTimeoutMs: number;
  teardownTimeoutMs: number;
}

const DEFAULTS: Settings = {
  accessLog: false,
  maxBodyBytes: 1024 * 1024,
  drainTimeoutMs: 30_000,
  teardownTimeoutMs: 5_000,
};

/** 24 days. A longer time, as `Infinity`, would make `setTimeout` fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

interface Rule {
  valid: (value: unknown) => boolean;
  expected: string;
}

const amount: Rule = {
  valid: (value) => typeof value === "number" && value >= 0,
  expected: "a number from 0 up",
};

const RULES: Record<keyof LoopOptions, Rule> = {
  log: {
    valid: (value) =>
      value === false ||
      (typeof value === "object" && value !== null && "child" in value),
    expected: "a pino logger or false",
  },
  accessLog: {
    valid: (value) => typeof value === "boolean" || value === "combined",
    expected: 'true, false or "combined"',
  },
  maxBodyBytes: amount,
  drainTimeoutMs: amount,
  teardownTimeoutMs: amount,
};

/** @throws {UsageError} naming an unknown option or one with a bad value. */
export function settingsFrom(options: LoopOptions): Settings {
  const { log: _, ...given } = checkOptions(options, Object.keys(RULES));
  const settings = { ...DEFAULTS, ...given };
  settings.drainTimeoutMs = Math.min(settings.drainTimeoutMs, MAX_TIMER_MS);
  settings.teardownTimeoutMs = Math.min(
    settings.teardownTimeoutMs,
    MAX_TIMER_MS,
  );
  return settings;
}

/** Leaves out what is undefined. @throws {UsageError} as {@link settingsFrom}. */
export function checkOptions<T extends LoopOptions>(
  options: T,
  known: readonly string[],
): Partial<T> {
  const given = Object.entries(options).filter(
    ([, value]) => value !== undefined,
  );
  for (const [name, value] of given) {
    if (!known.includes(name))
      throw new UsageError(
        `there is no option "${name}" here, only ${known.join(", ")}`,
      );
    const { valid, expected } = RULES[name as keyof LoopOptions];
    if (!valid(value))
      throw new UsageError(
        `option "${name}" takes ${expected}, not ${String(value)}`,
      );
  }
  return Object.fromEntries(given) as Partial<T>;
}
