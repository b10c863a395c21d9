/** What the command's settings mean for a loop. */
import type { Server } from "node:net";
import type { ListenOptions, LoopOptions } from "../index.ts";
import { parseTarget } from "../engine/target.ts";
import type { Logs } from "./logs.ts";
import { isAlone } from "./port.ts";
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

/** Overrides the application's options by the settings that the operator gave, and by them alone. */
export function applySettings(
  options: LoopOptions,
  settings: Settings,
  explicit: readonly Key[],
  { log, accessLog }: Logs,
): void {
  Object.assign(options, givenOptions(LOOP_OPTIONS, settings, explicit), {
    log,
  });
  if (accessLog !== undefined || explicit.includes("accessLog"))
    options.accessLog = accessLog ?? false;
}

/** The port is shared wherever it can be, because workers come and go on it. */
function httpTarget(settings: Settings): ListenOptions | undefined {
  const { http, http2, tlsKey, tlsCert } = settings;
  const target = parseTarget(http);
  if (target === undefined) return undefined; // none
  const tls = tlsKey || tlsCert ? { key: tlsKey, cert: tlsCert } : undefined;
  return {
    ...("path" in target
      ? { unix: target.path }
      : { ...target, share: !isAlone(settings) }),
    ...(tls && { tls }),
    ...(http2 && { http2 }),
  };
}

/**
 * Where a worker listens.
 *
 * @param front receives the connections of front servers that speak uwsgi.
 */
export function listenTargets(
  settings: Settings,
  front: Server | undefined,
): ListenOptions[] {
  const http = httpTarget(settings);
  return [
    ...(http === undefined ? [] : [http]),
    ...(front === undefined ? [] : [{ uwsgi: front }]),
  ];
}
