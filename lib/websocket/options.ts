/** Options of the sockets of one place, their defaults and the reasons. */
import {
  AMOUNT,
  checkOptions,
  COUNT,
  COUNT_OR_INFINITY,
  MAX_TIMER_MS,
  oneOf,
  SWITCH,
  type Rule,
} from "../common/checked-options.ts";
import type { SocketLimits } from "../engine/socket.ts";

export interface WebSocketOptions {
  /**
   * Bytes of a message from the client, after which its connection is closed with 1009.
   *
   * @default 64 KiB: a chat's messages fit; who sends files knows it.
   */
  maxMessageBytes?: number;
  /**
   * Bytes of messages that may wait for the handler. Beyond them nothing more is read from the client until it has
   * taken them.
   *
   * @default 1 MiB.
   */
  maxQueuedBytes?: number;
  /**
   * Bytes that may wait for the client before `send()` waits.
   *
   * @default 64 KiB: a round trip to another continent at 5 Mbit/s.
   */
  highWaterMark?: number;
  /**
   * Bytes that may wait for the client at all, those of others' `publish` among them.
   *
   * @default 1 MiB.
   */
  maxBufferedBytes?: number;
  /**
   * What becomes of a client that is further behind than `maxBufferedBytes`: it is closed, or loses messages until it
   * has caught up. Both are counted.
   *
   * @default "close": a client that comes again can ask for what it has missed, and one that misses it does not know.
   */
  slow?: "close" | "drop";
  /**
   * Milliseconds of silence after which the client has left. It is pinged before, so one that only listens stays. In
   * whole seconds from 8 to 960 s, or 0 for never.
   *
   * @default 120,000, the engine's own.
   */
  idleTimeoutMs?: number;
  /**
   * Milliseconds that the handler may go on once its connection has closed; then its task is halted.
   *
   * @default 5000: to save what a client has sent before it left.
   */
  closeTimeoutMs?: number;
  /**
   * Sockets of this place at a time; a further upgrade is answered 503.
   *
   * @default Infinity: an idle one takes a few kilobytes.
   */
  maxSockets?: number;
  /**
   * Whose pages may connect, by the field `Origin`: those of the host that was asked (`"same"`), all (`"any"`), a list
   * of origins, or a function. Who sends no `Origin` is no browser, and passes.
   *
   * @default "same": a browser sends a user's cookies with the upgrade that a stranger's page asks for.
   */
  origins?:
    | "same"
    | "any"
    | readonly string[]
    | ((origin: string, host: string) => boolean);
  /**
   * permessage-deflate (RFC 7692), where the client offers it. Each message is compressed by itself, so that an idle
   * connection keeps no memory for it.
   *
   * @default false: it costs 10 to 50 µs a message.
   */
  compress?: boolean;
  /**
   * Bytes from which a message is worth it. What is published goes by the smallest number of all places that compress.
   *
   * @default 1024: below that, what is saved fits into the same packet
   */
  compressFrom?: number;
}

/** All of them, checked. */
export type WebSocketSettings = Required<WebSocketOptions> & SocketLimits;

export const DEFAULTS: WebSocketSettings = {
  maxMessageBytes: 64 * 1024,
  maxQueuedBytes: 1024 * 1024,
  highWaterMark: 64 * 1024,
  maxBufferedBytes: 1024 * 1024,
  slow: "close",
  idleTimeoutMs: 120_000,
  closeTimeoutMs: 5000,
  maxSockets: Infinity,
  origins: "same",
  compress: false,
  compressFrom: 1024,
};

/** What a 32-bit length of the native engine holds. */
const BYTES: Rule = [
  (value) => COUNT[0](value) && (value as number) <= 2 ** 31 - 1,
  "a whole number from 1 to 2,147,483,647",
];

const RULES: Readonly<Record<keyof WebSocketOptions, Rule>> = {
  maxMessageBytes: BYTES,
  maxQueuedBytes: COUNT,
  highWaterMark: BYTES,
  maxBufferedBytes: BYTES,
  slow: oneOf("close", "drop"),
  idleTimeoutMs: [
    (value) => value === 0 || (AMOUNT[0](value) && isEngineTime(value)),
    "milliseconds from 8000 to 960,000, or 0 for never",
  ],
  closeTimeoutMs: [
    (value) => AMOUNT[0](value) && (value as number) <= MAX_TIMER_MS,
    "milliseconds",
  ],
  maxSockets: COUNT_OR_INFINITY,
  origins: [isOrigins, '"same", "any", a list of origins, or a function'],
  compress: SWITCH,
  compressFrom: AMOUNT,
};

/** The native engine ends the process at any other. */
const isEngineTime = (value: unknown): boolean =>
  (value as number) >= 8000 && (value as number) <= 960_000;

function isOrigins(value: unknown): boolean {
  if (value === "same" || value === "any" || typeof value === "function")
    return true;
  return Array.isArray(value) && value.every(isOrigin);
}

/** As browsers send it: scheme, host, and a port that is not the scheme's own. */
const isOrigin = (value: unknown): boolean =>
  typeof value === "string" &&
  URL.canParse(value) &&
  new URL(value).origin === value;

/**
 * The options of the sockets of a place, checked, with defaults; of several, the later go first.
 *
 * @param whose - what takes them, for the message of an error.
 * @throws {UsageError} naming an option that does not exist, or has a bad value.
 */
export const socketSettings = (
  whose: string,
  ...options: readonly WebSocketOptions[]
): WebSocketSettings =>
  Object.assign(
    { ...DEFAULTS },
    ...options.map((some) => checkOptions(some, RULES, whose)),
  ) as WebSocketSettings;

/**
 * The options of sockets, and the others.
 */
export function splitOptions<Others extends object>(
  options: WebSocketOptions & Others,
): [ours: WebSocketOptions, others: Others] {
  const entries = Object.entries(options);
  const isOurs = ([name]: [string, unknown]): boolean =>
    Object.hasOwn(RULES, name);
  const ours = Object.fromEntries(entries.filter(isOurs));
  const others = entries.filter((entry) => !isOurs(entry));
  return [ours, Object.fromEntries(others) as Others];
}
