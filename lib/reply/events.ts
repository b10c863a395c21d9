/** Server-Sent Events (WHATWG HTML, section 9.2): a reply of events for as long as the client stays. */
import type { Future, Operation } from "effection";
import {
  checkOptions,
  MAX_TIMER_MS,
  oneOf,
  type Rule,
} from "../common/checked-options.ts";
import { ClientAbortedError, UsageError } from "../common/errors.ts";
import { DONE, future } from "../operations/future.ts";
import { CheckedHeaders, pairs, type PlainHeaders } from "./headers.ts";
import { stream } from "./reply.ts";
import type { BodyWriter, GatewayResponse } from "./types.ts";

/** An event. One without `data` is not seen by the client, but its `id` and `retryMs` are heeded. */
export interface ServerSentEvent {
  /** Text as it is, line breaks and all; anything else as JSON. */
  readonly data?: unknown;
  /** Its type: what `addEventListener` names. `message` when missing. */
  readonly event?: string | undefined;
  /** What a client that comes back says of the last event that it has got: `request.lastEventId`. */
  readonly id?: string | number | undefined;
  /** Milliseconds after which the client comes back, from now on, when the stream ends. */
  readonly retryMs?: number | undefined;
}

/** Where events go. */
export interface EventWriter {
  /**
   * Sends an event; text is one with this `data`. Done when the client can take more: `yield*` or `await` it, that is
   * the back-pressure. With `behind: "drop"` it is done at once.
   *
   * @throws {UsageError} for an `id` or a type with a line break or NUL, which would be another event; data without a
   * JSON form; a member that there is not.
   * @throws {ClientAbortedError} when the client has left, or the stream has ended: an operation is halted by then, an
   * async function learns it here.
   */
  send(event: ServerSentEvent | string): Operation<void> & PromiseLike<void>;
  /** How many events a slow client has not got, with `behind: "drop"`. */
  readonly dropped: number;
}

/** What makes the events: an operation or an async function. The stream ends with it, and the client comes back. */
export type EventStreamWriter = (
  out: EventWriter,
) => Operation<void> | Promise<void>;

export interface EventsOptions {
  /**
   * Milliseconds after which a client comes back when the stream ends.
   *
   * @default the client's own; browsers wait some seconds.
   */
  retryMs?: number;
  /**
   * Milliseconds without an event after which a comment is sent, which clients skip: proxies end connections that are
   * silent, and a client that is gone without a word is found. `Infinity` sends none.
   *
   * @default 15,000: half of what this loop's engine waits for a client, a quarter of nginx's `proxy_read_timeout`.
   */
  heartbeatMs?: number;
  /**
   * What becomes of an event whose client has not taken the ones before.
   *
   * - `"wait"`: `send` waits for it.
   * - `"drop"`: it is left out and counted (`out.dropped`), for events that are of no use later.
   *
   * @default "wait": nothing is lost.
   */
  behind?: "wait" | "drop";
  /**
   * Further header fields.
   *
   * @default none: the type, `cache-control: no-store`, and `x-accel-buffering: no`, by which nginx passes each event
   * on at once.
   */
  headers?: PlainHeaders;
}

const MILLISECONDS: Rule = [
  (value) =>
    Number.isInteger(value) &&
    (value as number) >= 0 &&
    (value as number) <= MAX_TIMER_MS,
  "a whole number of milliseconds from 0 up",
];

const RULES: Record<keyof EventsOptions, Rule> = {
  retryMs: MILLISECONDS,
  heartbeatMs: [
    (value) =>
      value === Infinity || ((value as number) > 0 && MILLISECONDS[0](value)),
    "a whole number of milliseconds from 1 up, or Infinity",
  ],
  behind: oneOf("wait", "drop"),
  headers: [
    (value) => typeof value === "object" && value !== null,
    "header fields",
  ],
};

const FIELDS = [
  ["content-type", "text/event-stream"],
  ["cache-control", "no-store"],
  ["x-accel-buffering", "no"],
] as const;
const HEADERS = new CheckedHeaders(FIELDS);

/**
 * A reply of events (`EventSource` in browsers). The head leaves at once. The stream ends with `run`; `run` is halted
 * when the client leaves. When the loop drains `run` is halted, too, and the stream ends as it should: nobody waits for
 * it, and clients come back, to another process. To make a client stay away, answer 204 when it comes.
 *
 * @throws {UsageError} for an option that does not exist or has a bad value.
 *
 * @example
 * ```ts
 * import { events, Loop } from "eddy";
 * import { sleep } from "eddy/operations";
 *
 * await new Loop()
 *   .get("/ticks", (request) =>
 *     events(function* (out) {
 *       for (let n = Number(request.lastEventId ?? 0) + 1; ; n++) {
 *         yield* out.send({ id: n, event: "tick", data: { n } });
 *         yield* sleep(1000);
 *       }
 *     }),
 *   )
 *   .listen(8000);
 * ```
 */
export function events(
  run: EventStreamWriter,
  options: EventsOptions = {},
): GatewayResponse {
  if (typeof run !== "function")
    throw new UsageError(
      `events() takes an operation or an async function, not ${typeof run}`,
    );
  const settings = checkOptions(options, RULES, "events()");
  return stream((out) => written(run, out as ReplyWriter, settings), {
    headers:
      settings.headers === undefined ? HEADERS : withOwn(settings.headers),
  });
}

/** The user's go over those of the same name. */
function withOwn(given: PlainHeaders): CheckedHeaders {
  const own = [...pairs(given)];
  const names = new Set(own.map(([name]) => name.toLowerCase()));
  return new CheckedHeaders([
    ...FIELDS.filter(([name]) => !names.has(name)),
    ...own,
  ]);
}

/** What a body is written to, as only the gateway's own see it. */
export interface ReplyWriter extends BodyWriter {
  /** From now on who writes is halted when the loop begins to drain, and the body ends as it is then. */
  endWhenDraining(): void;
  /** Who writes is halted for that: the client is there, and what is written still reaches it. */
  readonly isEnding: boolean;
}

function* written(
  run: EventStreamWriter,
  out: ReplyWriter,
  settings: EventsOptions,
): Operation<void> {
  const { retryMs, heartbeatMs = 15_000, behind } = settings;
  out.endWhenDraining();
  const writer = new Writer(out, heartbeatMs, behind === "drop");
  try {
    yield* out.write(
      retryMs === undefined ? HEARTBEAT : `retry: ${retryMs}\n\n`,
    );
    const running = run(writer);
    if (typeof running !== "object" || running === null)
      throw new UsageError("events() takes an operation or an async function");
    if ("then" in running) yield* future(running);
    else yield* running;
  } finally {
    writer.end();
  }
}

/** A comment. An engine cannot send a head alone, so a first one brings the head. */
const HEARTBEAT = ":\n\n";

class Writer implements EventWriter {
  dropped = 0;
  readonly #out: BodyWriter;
  readonly #drops: boolean;
  readonly #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(out: BodyWriter, heartbeatMs: number, drops: boolean) {
    this.#out = out;
    this.#drops = drops;
    if (heartbeatMs !== Infinity)
      this.#timer = setInterval(beat, heartbeatMs, out).unref();
  }

  send(event: ServerSentEvent | string): Future<void> {
    const text = formatEvent(event);
    if (this.#ended) return future(Promise.reject(new ClientAbortedError()));
    if (this.#drops && this.#out.isBehind) {
      this.dropped++;
      return DONE;
    }
    this.#timer?.refresh();
    const sent = this.#out.write(text) as Future<void>;
    return this.#drops ? DONE : sent;
  }

  end(): void {
    this.#ended = true;
    clearInterval(this.#timer);
  }
}

/** A client that is behind has enough to read. */
function beat(out: BodyWriter): void {
  if (!out.isBehind) void out.write(HEARTBEAT);
}

// oxlint-disable-next-line no-control-regex
const BREAK = /[\r\n\0]/;
const LINE_END = /\r\n|\r|\n/;
const MEMBERS = new Set(["data", "event", "id", "retryMs"]);

/** As it is sent. @throws {UsageError} for what cannot be. */
export function formatEvent(event: ServerSentEvent | string): string {
  if (typeof event === "string") return `${dataLines(event)}\n`;
  checkMembers(event);
  const { id, event: type, retryMs, data } = event;
  let text = "";
  if (id !== undefined) text += `id: ${oneLine("id", String(id))}\n`;
  if (type !== undefined) text += `event: ${oneLine("event", type)}\n`;
  if (retryMs !== undefined) text += `retry: ${milliseconds(retryMs)}\n`;
  if (data !== undefined)
    text += dataLines(typeof data === "string" ? data : toJson(data));
  return `${text}\n`;
}

function checkMembers(event: object): void {
  if (typeof event !== "object" || event === null)
    throw new UsageError(`an event is an object or text, not ${String(event)}`);
  for (const name in event)
    if (!MEMBERS.has(name))
      throw new UsageError(
        `an event has ${[...MEMBERS].join(", ")}, not "${name}"; what it says is its data: { data: … }`,
      );
}

const dataLines = (data: string): string =>
  LINE_END.test(data)
    ? data
        .split(LINE_END)
        .map((line) => `data: ${line}\n`)
        .join("")
    : `data: ${data}\n`;

function oneLine(what: string, text: unknown): string {
  if (typeof text === "string" && !BREAK.test(text)) return text;
  throw new UsageError(
    `the ${what} of an event is text without line breaks and NUL, not ${JSON.stringify(text)}`,
  );
}

function milliseconds(value: number): number {
  if (MILLISECONDS[0](value)) return value;
  throw new UsageError(
    `retryMs of an event takes ${MILLISECONDS[1]}, not ${String(value)}`,
  );
}

function toJson(data: unknown): string {
  try {
    const text = JSON.stringify(data);
    if (text !== undefined) return text;
  } catch (cause) {
    throw new UsageError("the data of an event has no JSON form", { cause });
  }
  throw new UsageError(`${typeof data} as data of an event has no JSON form`);
}
