/** The request as a thread has it: its head, and a log that is written on the loop. */
import { inspect } from "node:util";
import {
  describe,
  UsageError,
  type GatewayRequest,
} from "../../../../lib/adapter.ts";
import type { CalledRequest, EnvironHead } from "../../environ.ts";
import { toData } from "../error-data.ts";
import { readRequest } from "../head.ts";
import type { LogLevel } from "../protocol.ts";
import type { Channel } from "./channel.ts";

/** What else a request has on the loop. The compiler sees to it that none is forgotten. */
const NOT_HERE: Record<
  Exclude<keyof GatewayRequest & string, keyof CalledRequest>,
  1
> = {
  id: 1,
  query: 1,
  params: 1,
  cookies: 1,
  lastEventId: 1,
  signal: 1,
  draining: 1,
  scope: 1,
  body: 1,
  hasBody: 1,
  received: 1,
  trailers: 1,
  hint: 1,
  bytes: 1,
  text: 1,
  json: 1,
  form: 1,
};

// oxlint-disable-next-line typescript/no-unsafe-declaration-merging
export interface ThreadRequest extends EnvironHead {}

export class ThreadRequest implements CalledRequest {
  readonly #channel: Channel;
  #log: ThreadLog | undefined;

  constructor(head: string, channel: Channel) {
    Object.assign(this, readRequest(head));
    this.#channel = channel;
  }

  get log(): ThreadLog {
    return (this.#log ??= createLog(this.#channel));
  }

  static {
    for (const name of Object.keys(NOT_HERE))
      Object.defineProperty(this.prototype, name, {
        get() {
          throw new UsageError(
            `request.${name} is not available in a thread, only the head, \`deadline\` and \`log\`; wait.call() asks the loop`,
          );
        },
      });
  }
}

type ThreadLog = Record<
  LogLevel,
  (first: object | string, text?: string) => void
>;

/** Lines of the request's log, written on the loop. */
function createLog(channel: Channel): ThreadLog {
  const { id } = channel;
  const writer =
    (level: LogLevel) =>
    (first: unknown, text?: unknown): void => {
      const fields = typeof first === "string" ? {} : clonable(first);
      channel.post(["log", id, level, fields, messageOf(first, text)]);
    };
  return {
    debug: writer("debug"),
    info: writer("info"),
    warn: writer("warn"),
    error: writer("error"),
  };
}

/** As with pino, an error needs no message. */
function messageOf(first: unknown, text: unknown): string {
  if (typeof first === "string") return first;
  if (text === undefined) return isError(first) ? toData(first).message : "";
  return typeof text === "string" ? text : textOf(text);
}

/**
 * As with pino, an error by itself is the field `err`. What cannot cross as text, and what cannot be read by its name.
 */
function clonable(fields: unknown): object {
  if (isError(fields)) return { err: toData(fields) };
  try {
    const names = Object.keys(fields as object);
    return Object.fromEntries(
      names.map((name) => [name, plain((fields as Fields)[name])]),
    ) as object;
  } catch {
    return { err: toData(fields) };
  }
}

/** False where asking throws. */
function isError(value: unknown): boolean {
  try {
    return value instanceof Error;
  } catch {
    return false;
  }
}

type Fields = Record<string, unknown>;

function plain(value: unknown): unknown {
  try {
    return value instanceof Error ? toData(value) : structuredClone(value);
  } catch {
    return textOf(value);
  }
}

function textOf(value: unknown): string {
  try {
    return inspect(value);
  } catch {
    return describe(value);
  }
}
