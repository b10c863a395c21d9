/** What the command's settings mean for a loop. */
import type { Server } from "node:net";
import type { ListenOptions, LoopOptions } from "../index.ts";
import { brokerAt } from "../brokers/broker-at.ts";
import type { Broker } from "../brokers/broker.ts";
import type { Logs } from "./logs.ts";
import type { Orders } from "./messages.ts";
import type { Key, Settings } from "./schema.ts";

export const LOOP_OPTIONS = {
  maxBody: "maxBodyBytes",
  maxHeaders: "maxHeaderBytes",
  bodyTimeout: "bodyTimeoutMs",
  requestTimeout: "requestTimeoutMs",
  maxConcurrent: "maxConcurrentRequests",
  maxConnectionsPerClient: "maxConnectionsPerClient",
  drainTimeout: "drainTimeoutMs",
  readinessDelay: "readinessDelayMs",
  engine: "engine",
  trustProxy: "trustProxy",
  proxyHeader: "proxyHeader",
  healthCheck: "healthCheck",
  requestId: "requestId",
} as const satisfies Partial<Record<Key, keyof LoopOptions>>;

/** The settings that the operator gave, by the names of the options that they mean. Empty text is no value. */
export const givenOptions = (
  names: Partial<Record<Key, string>>,
  settings: Settings,
  explicit: readonly Key[],
): Record<string, unknown> =>
  Object.fromEntries(
    explicit.flatMap((key) => {
      const value = settings[key] === "" ? undefined : settings[key];
      return names[key] === undefined ? [] : [[names[key], value]];
    }),
  );

/**
 * Overrides the application's options by the settings that the operator gave, and by them alone.
 *
 * @param workers - through which its topics reach the other workers, where it has no broker.
 */
export function applySettings(
  options: LoopOptions,
  settings: Settings,
  explicit: readonly Key[],
  { log, accessLog }: Logs,
  workers?: Broker,
): void {
  Object.assign(options, givenOptions(LOOP_OPTIONS, settings, explicit), {
    log,
  });
  const topics = brokerAt(settings.topics) ?? options.topics ?? workers;
  if (topics !== undefined) options.topics = topics;
  if (explicit.includes("accessLog")) options.accessLog = accessLog ?? false;
  else if (accessLog !== undefined) options.accessLog ??= accessLog;
}

/**
 * Where a worker listens.
 *
 * @param front receives the connections of front servers that speak uwsgi.
 */
export const listenTargets = (
  listen: Orders["listen"],
  front: Server | undefined,
): ListenOptions[] => [
  ...listen,
  ...(front === undefined ? [] : [{ uwsgi: front }]),
];
