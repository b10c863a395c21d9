/** The request, as far as it is to be had in a thread: what crossed, and a log that crosses back. */
import { inspect } from "node:util";
import { UsageError } from "../../../../lib/adapter.ts";
import { toData } from "../error-data.ts";
import type { CalledRequest } from "../../environ.ts";
import { readRequest } from "../head.ts";
import type { LogLevel } from "../protocol.ts";
import type { Channel } from "./channel.ts";

type Log = Record<LogLevel, (first: unknown, text?: string) => void>;

/** @returns the head of the request and its `log`; whatever else a request has throws, and says so. */
export function threadRequest(head: string, channel: Channel): CalledRequest {
  const request = Object.assign(readRequest(head), { log: logTo(channel) });
  return new Proxy(request, ONLY_THESE);
}

const ONLY_THESE: ProxyHandler<CalledRequest> = {
  get(request, name) {
    if (name in request || typeof name === "symbol")
      return Reflect.get(request, name) as unknown;
    throw new UsageError(
      `request.${name} is not to be had in a thread, only ${Object.keys(request).join(", ")}; wait.call() asks the loop`,
    );
  },
};

const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

function logTo(channel: Channel): Log {
  const { id } = channel;
  const write = (level: LogLevel) => (first: unknown, text?: string) => {
    if (typeof first === "string") channel.post(["log", id, level, {}, first]);
    else channel.post(["log", id, level, clonable(first), text ?? ""]);
  };
  return Object.fromEntries(
    LEVELS.map((level) => [level, write(level)]),
  ) as Log;
}

/** Errors as data; what cannot cross as text. */
function clonable(fields: unknown): object {
  const entries = Object.entries(fields as object).map(([name, value]) => [
    name,
    value instanceof Error ? toData(value) : plain(value),
  ]);
  return Object.fromEntries(entries) as object;
}

function plain(value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch {
    return inspect(value);
  }
}
