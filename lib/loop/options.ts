/** Every option of a loop, its default and the reason for it. */
import {
  AMOUNT,
  checkOptions,
  COUNT_OR_INFINITY,
  MAX_TIMER_MS,
  oneOf,
  PLAIN_PATH,
  type Rule,
} from "../common/checked-options.ts";
import { ENGINE_CHOICES, type EngineChoice } from "../engine/listen-options.ts";
import { engineHeaderBytes } from "../engine/header-limit.ts";
import type { Broker } from "../brokers/broker.ts";
import type { AccessLog } from "../exchange/access-log.ts";
import type { Logger } from "../common/log.ts";
import type { Limits, RequestLimits } from "../exchange/limits.ts";
import type { RequestIdSource } from "../request/request-id.ts";
import type { Traces } from "../traces/trace.ts";
import { isTrustEntry, type ProxyHeader } from "../request/proxies.ts";

export interface LoopOptions extends RequestLimits {
  /**
   * A pino logger; `false` is silent.
   *
   * @default JSON lines on standard output, from level "info".
   */
  log?: Logger | false;
  /**
   * What speaks HTTP, where an address does not say so itself (`listen({ engine })`).
   *
   * - `"uws"`: uWebSockets.js, the fastest. It has to load on this machine.
   * - `"node"`: Node's own HTTP, which every Node.js has: HTTP/1.0, pipelining, all that `docs/engines.md` lists.
   * - `"auto"`: uWebSockets.js, or else Node's, and a line in the log that says why.
   *
   * @default "auto": whoever can have the fastest gets it, and everybody can start.
   */
  engine?: EngineChoice;
  /**
   * One line for each exchange: as fields (`true`), as text in Apache's combined format, or by a function that gets the
   * record.
   *
   * @default false: it costs, and a proxy in front often has one.
   */
  accessLog?: boolean | "combined" | AccessLog;
  /**
   * Further names, of header fields and properties, whose values no log shows: beside `authorization`, `cookie`,
   * `proxy-authorization` and `set-cookie`. In any case, at any depth.
   *
   * @default none: what else is secret, the application alone knows.
   *
   * @example
   * ```ts
   * import { Loop } from "eddy";
   *
   * const loop = new Loop({ redact: ["x-api-key", "password"] });
   * ```
   */
  redact?: readonly string[];
  /**
   * Where `request.id` comes from, which is in each line that is logged for a request.
   *
   * - `"accept"`: from the field `x-request-id`, when it is 1 to 128 of `A-Z a-z 0-9 _ . : @ + = ~ -`, or else made.
   * - `"generate"`: always made.
   * - `"echo"`: as `"accept"`, and each reply has it in `x-request-id`, unless the application sets that itself.
   *
   * @default "accept": a proxy in front has logged its own, and few requests need a reply with it.
   */
  requestId?: RequestIdSource;
  /**
   * Bytes of all header names and values of a request, after which it is refused with 431. At most what the engine
   * takes: 16 KiB, unless the process is started with a larger `UWS_HTTP_MAX_HEADERS_SIZE`.
   *
   * @default what the engine takes; Node.js has 16 KiB, too.
   */
  maxHeaderBytes?: number;
  /**
   * Milliseconds that a connection may be silent: between two requests, in the middle of a head, with an upload below
   * 16 KB/s, or with a reply of which it takes nothing. It is cut then at the earliest; uWebSockets.js, which looks
   * every 4 s, takes up to 8 s more.
   *
   * @default 30,000, the engine's own.
   */
  idleTimeoutMs?: number;
  /**
   * Requests that may run at a time. A further one is answered 503 with `retry-after`, and nothing is started for it.
   * Those answered at once are never counted. `Infinity` takes all.
   *
   * @default 10,000: some 100 MB of waiting requests, and a queue in which nobody waits for long any more.
   */
  maxConcurrentRequests?: number;
  /**
   * Connections of one address to a port, and requests that run at a time for one client. A further connection is
   * closed at once, a further request answered 429 with `retry-after`, and nothing is started for it. Behind proxies of
   * `trustProxy` the client is whom they name; their own connections are not counted. Connections are counted on Linux
   * only, whose kernel knows them: those of other processes on the port, too. `Infinity` takes all.
   *
   * @default Infinity: a company or a mobile network is one address, and only you know your clients.
   */
  maxConnectionsPerClient?: number;
  /**
   * A path at which GET and HEAD are answered 200 while the loop is ready, and 503 from the moment on that it closes.
   * It is answered also when too many requests run.
   *
   * @default none.
   */
  healthCheck?: string;
  /**
   * Milliseconds from the moment on that `healthCheck` says 503 to the end of listening, for whoever polls it to
   * notice: a little more than the interval of the polls.
   *
   * @default 0: not everybody is polled.
   */
  readinessDelayMs?: number;
  /**
   * Milliseconds that `close()` gives the exchanges that are still running, before it halts them.
   *
   * @default 30,000, as Gunicorn's `graceful_timeout`.
   */
  drainTimeoutMs?: number;
  /**
   * Milliseconds for which a handler may keep the loop to itself before a warning names it. `Infinity` never warns, and
   * spares two looks at the clock for each request.
   *
   * @default 500: half a second in which nobody is served is never meant.
   */
  stallWarnMs?: number;
  /**
   * Milliseconds that the cleanup of a halted task may take before it is named in the log; `close()` goes on without it
   * then.
   *
   * @default 5,000: a cleanup is to let go, not to work.
   */
  teardownTimeoutMs?: number;
  /**
   * The peers that are believed when they speak for others: addresses, CIDR ranges, `"loopback"`, `"private"` (RFC
   * 1918, RFC 4193), `"unix"` for the peers of Unix sockets.
   *
   * @default none: whoever is believed can pass for anybody.
   *
   * @example
   * ```ts
   * import { Loop } from "eddy";
   *
   * const loop = new Loop({ trustProxy: ["loopback", "10.1.0.0/16", "2001:db8::7"] });
   * ```
   */
  trustProxy?: readonly string[];
  /**
   * How the proxies of `trustProxy` say who asks, and how. Only this one counts, because a proxy passes on what it does
   * not know, as the client sent it.
   *
   * - `"x-forwarded"`: in the fields `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host`.
   * - `"forwarded"`: in the field `Forwarded` (RFC 7239).
   * - `"proxy-v2"`: by version 2 of the PROXY protocol.
   *
   * @default "x-forwarded", which nearly all speak.
   */
  proxyHeader?: ProxyHeader;
  /**
   * Through what topics of WebSockets reach other processes and machines: `nats(url)` of `eddy/brokers/nats`,
   * `redis(url)` of `eddy/brokers/redis`, or a `Broker` of your own.
   *
   * @default none: what is published reaches the sockets of this process. Under the command `eddy`, those of all its
   * workers, through its supervisor.
   */
  topics?: Broker;
  /**
   * What makes traces of requests: `openTelemetry()` of `eddy/opentelemetry`.
   *
   * @default none: a span costs as much as a small request.
   */
  traces?: Traces;
}

export type Settings = Required<
  Omit<
    LoopOptions,
    "log" | "healthCheck" | "idleTimeoutMs" | "topics" | "traces"
  >
> &
  Pick<LoopOptions, "healthCheck" | "idleTimeoutMs" | "topics" | "traces">;

const DEFAULTS: Omit<Settings, "maxHeaderBytes"> = {
  engine: "auto",
  accessLog: false,
  redact: [],
  requestId: "accept",
  maxBodyBytes: 1024 * 1024,
  inflateBodies: false,
  bodyTimeoutMs: 60_000,
  requestTimeoutMs: Infinity,
  maxConcurrentRequests: 10_000,
  maxConnectionsPerClient: Infinity,
  readinessDelayMs: 0,
  drainTimeoutMs: 30_000,
  stallWarnMs: 500,
  teardownTimeoutMs: 5_000,
  trustProxy: [],
  proxyHeader: "x-forwarded",
};

const TIME: Rule = [AMOUNT[0], "milliseconds from 0 up"];

/** What a mount may set for itself. */
const OF_A_MOUNT = {
  maxBodyBytes: AMOUNT,
  inflateBodies: [(value) => typeof value === "boolean", "true or false"],
  bodyTimeoutMs: TIME,
  requestTimeoutMs: TIME,
} satisfies Record<keyof RequestLimits, Rule>;

const hasMethod = (name: string) => (value: unknown) =>
  typeof value === "object" &&
  value !== null &&
  typeof (value as Record<string, unknown>)[name] === "function";

const RULES: Record<keyof LoopOptions, Rule> = {
  log: [
    (value) =>
      value === false ||
      (typeof value === "object" && value !== null && "child" in value),
    "a pino logger or false",
  ],
  engine: oneOf(...ENGINE_CHOICES),
  accessLog: [
    (value) =>
      ["boolean", "function"].includes(typeof value) || value === "combined",
    'true, false, "combined" or a function',
  ],
  redact: [
    (value) =>
      Array.isArray(value) &&
      value.every((name) => typeof name === "string" && name !== ""),
    "a list of names",
  ],
  requestId: oneOf("accept", "generate", "echo"),
  maxHeaderBytes: [
    (value) => AMOUNT[0](value) && (value as number) <= engineHeaderBytes(),
    "a number from 0 to 16384, unless the process is started with a larger UWS_HTTP_MAX_HEADERS_SIZE",
  ],
  ...OF_A_MOUNT,
  idleTimeoutMs: [
    (value) =>
      Number.isInteger(value) &&
      (value as number) > 0 &&
      (value as number) <= 240_000,
    "milliseconds from 1 to 240,000",
  ],
  maxConcurrentRequests: COUNT_OR_INFINITY,
  maxConnectionsPerClient: COUNT_OR_INFINITY,
  healthCheck: PLAIN_PATH,
  readinessDelayMs: TIME,
  drainTimeoutMs: TIME,
  stallWarnMs: TIME,
  teardownTimeoutMs: TIME,
  trustProxy: [
    (value) => Array.isArray(value) && value.every(isTrustEntry),
    'a list of addresses, ranges such as 10.0.0.0/8, "loopback", "private" and "unix"',
  ],
  proxyHeader: oneOf("x-forwarded", "forwarded", "proxy-v2"),
  topics: [
    hasMethod("open" satisfies keyof Broker),
    "a broker, such as nats(url)",
  ],
  traces: [
    hasMethod("begin" satisfies keyof Traces),
    "openTelemetry() of eddy/opentelemetry",
  ],
};

/** @throws {UsageError} naming an unknown option or one with a bad value. */
export function settingsFrom(options: LoopOptions): Settings {
  const { log: _, ...given } = checkOptions(options, RULES);
  const settings: Settings = {
    ...DEFAULTS,
    maxHeaderBytes: engineHeaderBytes(),
    ...given,
  };
  for (const name of [
    "readinessDelayMs",
    "drainTimeoutMs",
    "teardownTimeoutMs",
  ] as const)
    settings[name] = Math.min(settings[name], MAX_TIMER_MS);
  return settings;
}

/** What holds for all requests, unless their mount has it otherwise. */
export function limitsFrom(settings: Settings): Limits {
  const { maxHeaderBytes } = settings;
  return {
    ...settings,
    maxHeaderBytes:
      maxHeaderBytes < engineHeaderBytes() ? maxHeaderBytes : Infinity,
  };
}

/** What a mount sets beside the loop's own. @throws {UsageError} as {@link settingsFrom}. */
export function mountLimits(options: RequestLimits): Partial<Limits> {
  return checkOptions(options, OF_A_MOUNT);
}
