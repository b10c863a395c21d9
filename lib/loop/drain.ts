/** How a loop ends: what it may become, and what happens in which order. */
import { setImmediate } from "node:timers/promises";
import type { Applications } from "./applications.ts";
import { counted } from "../common/counted.ts";
import { DrainedError } from "../common/errors.ts";
import { pass, within } from "../common/hurry.ts";
import { Reason } from "../common/reason.ts";
import type { Shared, Tally } from "../exchange/shared.ts";
import type { Nursery } from "../kernel/fork.ts";
import type { Listener } from "../engine/engine.ts";
import { hasUnsent } from "../engine/peers.ts";
import type { Logger } from "../common/log.ts";
import type { Settings } from "./options.ts";
import type { Topics } from "./topics.ts";
import type { DrainedSockets } from "../websocket/sockets.ts";

/** What a loop can be. A first `listen` that fails leaves it as it was. */
export type LoopState = "new" | "running" | "draining" | "stopped";

/** What it can become from there. */
export const NEXT: Readonly<Record<LoopState, readonly LoopState[]>> = {
  new: ["running", "draining"],
  running: ["new", "draining"],
  draining: ["stopped"],
  stopped: [],
};

/** What `close()` found and did. */
export interface DrainReport {
  /** The exchanges that were still running after `drainTimeoutMs`, and were halted. */
  readonly halted: readonly HaltedExchange[];
  readonly sockets: DrainedSockets;
  readonly durationMs: number;
  /** Requests since the start: `accepted` is the sum of the outcomes. */
  readonly tally: Readonly<Tally>;
}

/** How long `close()` takes at most, `lingerMs` aside, in milliseconds. */
export interface CloseLimits {
  /** Until the last request is over: `readinessDelayMs` and `drainTimeoutMs`. `stop()` does not wait for them. */
  readonly requestsMs: number;
  /** For cleanups: `teardownTimeoutMs` for each step in which there may be some. */
  readonly cleanupsMs: number;
}

/** How to close. */
export interface CloseOptions {
  /**
   * Milliseconds that open connections are left for one more request each, whose reply says `connection: close`, before
   * those that have none are cut.
   *
   * @default 0: nobody waits; a client whose request is on its way at that moment gets no reply
   */
  lingerMs?: number;
  /**
   * Called once no new connections are taken.
   *
   * @default nobody is told
   */
  stoppedListening?: () => void;
}

export interface HaltedExchange {
  readonly id: string;
  readonly method: string;
  readonly path: string;
}

/** What has to end. */
export interface Parts {
  readonly log: Logger;
  readonly settings: Settings;
  readonly close: CloseOptions;
  readonly shared: Shared;
  readonly listeners: readonly Listener[];
  readonly applications: Applications;
  readonly topics: Topics;
  readonly background: Nursery;
  readonly exchanges: Nursery;
  /** What runs, for the log when it does not end. */
  readonly tasks: () => unknown;
}

/**
 * Ends everything, step by step. Never fails: what does goes to the log. `hurry`: from now on nobody is waited for but
 * cleanups.
 */
export async function drain(
  parts: Parts,
  hurry: AbortSignal,
): Promise<DrainReport> {
  const started = performance.now();
  const halted: HaltedExchange[] = [];
  for (const step of STEPS) await step(parts, hurry, halted);
  const durationMs = performance.now() - started;
  const { tally, sockets } = parts.shared;
  return { halted, sockets: sockets.drained, durationMs, tally: { ...tally } };
}

/** Says how it went, where there is somebody to whom it matters. */
export function logEnd(
  report: DrainReport,
  { log, listeners }: Pick<Parts, "log" | "listeners">,
): void {
  const halted = [
    [report.halted.length, "exchange"] as const,
    [report.sockets.halted, "socket"] as const,
  ].filter(([count]) => count > 0);
  const all = halted.map(([count, what]) => counted(count, what));
  if (all.length > 0)
    log.warn(report, `stopped; ${all.join(" and ")} had to be halted`);
  else if (listeners.length > 0) log.info(report, "stopped");
}

type Step = (
  parts: Parts,
  hurry: AbortSignal,
  halted: HaltedExchange[],
) => Promise<void> | void;

/** Each is given `teardownTimeoutMs`. */
const CLEANUPS: readonly Step[] = [
  (parts) => end(parts, "connections", () => closeConnections(parts)),
  (parts) => end(parts, "background tasks", () => parts.background.destroy()),
  (parts) => end(parts, "exchanges", () => parts.exchanges.destroy()),
  (parts) => end(parts, "resources", () => closeResources(parts)),
];

/** The loop is draining already, so that its readiness has failed. */
const STEPS: readonly Step[] = [
  waitToBeNoticed,
  stopListening,
  closeSockets,
  letConnectionsGo,
  finishExchanges,
  haltExchanges,
  ...CLEANUPS,
];

export function closeLimits({
  readinessDelayMs,
  drainTimeoutMs,
  teardownTimeoutMs,
}: Settings): CloseLimits {
  return {
    requestsMs: readinessDelayMs + drainTimeoutMs,
    cleanupsMs: CLEANUPS.length * teardownTimeoutMs,
  };
}

/** Whoever sends the requests has to learn that it should send them elsewhere. */
async function waitToBeNoticed(
  { settings, listeners }: Parts,
  hurry: AbortSignal,
): Promise<void> {
  if (listeners.length > 0 && settings.readinessDelayMs > 0)
    await pass(settings.readinessDelayMs, hurry);
}

/** What would go on for long is told at once, so that the steps behind this one need not wait for it. */
async function stopListening(
  { listeners, shared, settings, close }: Parts,
  hurry: AbortSignal,
): Promise<void> {
  shared.draining = true;
  if (!hurry.aborted)
    await Promise.all(listeners.map((listener) => listener.untilTaken()));
  for (const listener of listeners) listener.stop();
  close.stoppedListening?.();
  void shared.drainNotices.begin(settings.drainTimeoutMs / 2, hurry);
}

/** Begun here, and waited for with the exchanges. */
function closeSockets({ shared, settings }: Parts, hurry: AbortSignal): void {
  void shared.sockets.close(settings.drainTimeoutMs / 2, hurry);
}

async function letConnectionsGo(
  { listeners, close: { lingerMs = 0 } }: Parts,
  hurry: AbortSignal,
): Promise<void> {
  if (lingerMs > 0) await within(lingerMs, hurry, untilUnused(listeners));
}

const untilUnused = (listeners: readonly Listener[]) => (limit: AbortSignal) =>
  Promise.all(listeners.map((listener) => listener.untilUnused(limit)));

async function finishExchanges(
  { shared, settings, listeners, applications }: Parts,
  hurry: AbortSignal,
): Promise<void> {
  await setImmediate(); // an exchange registers itself at the end of its turn, and this turn may be one's
  await within(settings.drainTimeoutMs, hurry, (limit) => {
    const idle = shared.untilIdle(limit);
    return Promise.all([
      idle.then(() => letLastBytesGo(shared, listeners, limit)),
      idle.then(() => applications.untilIdle()),
      shared.sockets.untilNone(limit),
    ]);
  });
}

/** Milliseconds in which a client that was behind may take the end of its reply. */
const LAST_BYTES_MS = 5000;

/**
 * What the engine holds of them would be lost with their connections. It does not say when it has sent all, but
 * clients close their connection then, as they were told; and the kernel says where it has nothing to send.
 */
async function letLastBytesGo(
  shared: Shared,
  listeners: readonly Listener[],
  limit: AbortSignal,
): Promise<void> {
  const left = shared.lagging + LAST_BYTES_MS - performance.now();
  if (left > 0)
    await within(left, limit, (over) =>
      Promise.race([
        untilUnused(listeners)(over),
        untilAllSent(listeners, over),
      ]),
    );
}

/** Milliseconds between two looks at what is to be sent: turns of the loop, in which an engine sends on. */
const LOOK_MS = 25;

/** At two looks, because between them the engine had room for what it holds. */
async function untilAllSent(
  listeners: readonly Listener[],
  limit: AbortSignal,
): Promise<void> {
  for (let looks = 0; looks < 2 && !limit.aborted;) {
    await pass(LOOK_MS, limit);
    await setImmediate();
    looks = listeners.some(sends) ? 0 : looks + 1;
  }
}

const sends = ({ address: { port } }: Listener): boolean =>
  port === undefined || hasUnsent(port);

async function haltExchanges(
  { shared }: Parts,
  _hurry: AbortSignal,
  halted: HaltedExchange[],
): Promise<void> {
  await setImmediate(); // in which handlers end by themselves whose sockets were closed in a hurry
  for (const exchange of shared.live.all()) {
    const { id, method, mountPath, path } = exchange.request;
    exchange.halt(Reason.of(DrainedError));
    halted.push({ id, method, path: mountPath + path });
  }
  shared.sockets.haltAll();
  await setImmediate(); // in which an outlet sends what it could not send within a call of the engine
}

/** Those that wait for a next request; the engine cannot tell them apart before. */
async function closeConnections({ listeners }: Parts): Promise<void> {
  await Promise.all(listeners.map(async (listener) => listener.destroy()));
}

/** What applications publish at their end still goes out. */
export async function closeResources({
  applications,
  topics,
}: Pick<Parts, "applications" | "topics">): Promise<void> {
  await applications.close();
  await topics.close();
}

/** Ends a scope, but does not wait for ever: what has no end of its own must not keep the loop from its end. */
export async function end(
  { log, settings, tasks }: Pick<Parts, "log" | "settings" | "tasks">,
  what: string,
  destroy: () => Promise<void>,
): Promise<void> {
  const { teardownTimeoutMs } = settings;
  const limit = new AbortController();
  const late = pass(teardownTimeoutMs, limit.signal).then(() => "late");
  try {
    if ((await Promise.race([destroy(), late])) === "late")
      log.error(
        tasks(),
        `the cleanup of ${what} has not ended within ${teardownTimeoutMs} ms`,
      );
  } catch (error) {
    log.error({ err: error }, "a cleanup of the loop failed");
  }
  limit.abort();
}
