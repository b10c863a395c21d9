/** The applications of a process, loaded and mounted in a loop that listens; or why they are not. */
import { ensure, until, type Operation } from "effection";
import {
  EngineError,
  Loop,
  UsageError,
  type Address,
  type Application,
  type ListenOptions,
  type LoopOptions,
} from "../index.ts";
import type { Broker } from "../brokers/broker.ts";
import { stackOf } from "../common/thrown.ts";
import { parseTarget, PathError } from "../engine/target.ts";
import { TlsFileError } from "../engine/tls-files.ts";
import { loopOptions } from "../loop/command.ts";
import type { AppSpec } from "./app-spec.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { inTime, openInTime } from "./in-time.ts";
import {
  loadApp,
  loadProgram,
  notImported,
  notListening,
  notOpen,
  openLimitMs,
  unloadable,
} from "./load-app.ts";
import type { Logs } from "./logs.ts";
import { applySettings } from "./loop-options.ts";
import type { LoopRequests } from "./loop-requests.ts";
import type { Answers, Orders, Question } from "./messages.ts";
import { isNoApp, mounted } from "./mounted-app.ts";
import { pythonOptions } from "./python-options.ts";
import { mountFolders } from "./static-folders.ts";
import type { TakenServer } from "./taken-listen.ts";
import { TakenLoop } from "./taken-loop.ts";
import { takeProfile } from "./profile/take.ts";
import type { Watchdog } from "./watchdog.ts";

/** What is the same for all applications of the process. */
export interface Company {
  readonly logs: Logs;
  /** Follows the loop. */
  readonly requests: LoopRequests;
  /** All places where it listens, from those for HTTP. */
  readonly targets: (
    listen: readonly ListenOptions[],
  ) => readonly ListenOptions[];
  /** Through which topics reach the other workers, if there are any. */
  readonly topics?: Broker;
}

export interface Opened {
  readonly loop: Loop;
  readonly addresses: readonly Address[];
}

/** @throws what `explained` explains. */
export function* openLoop(
  orders: Orders,
  { logs, requests, targets, topics }: Company,
): Operation<Opened> {
  const { settings } = orders;
  const loops = new TakenLoop();
  if (settings.takeListen) loops.settle(); // it is a server that is taken
  const loaded = settings.takeListen
    ? yield* loadListening(orders, logs)
    : yield* loadLoop(orders, logs, loops.taken, topics);
  loops.settle();
  const { loop } = loaded;
  yield* until(mountFolders(loop, settings.static));
  if (settings.stats !== "" || settings.metrics !== "") loop.measure();
  requests.follow(loop);
  const addresses: Address[] = [];
  yield* openInTime(
    loaded.isWhole ? openLimitMs(settings) : 0, // those that are mounted here have limits of their own
    function* () {
      yield* ensure(() => until(loop.close()));
      // not `yield*`, by which its handlers would see the contexts of the command in place of the program's
      for (const target of targets(placesOf(loaded, orders)))
        addresses.push(yield* until(loops.listen(loop, target)));
    },
    () => unloadable(orders.specs[0]!, notOpen(settings)),
  );
  loops.tell(addresses[0]!);
  if (loaded.taken !== undefined) serveTaken(loaded, addresses, orders, logs);
  return { loop, addresses };
}

/** What the status asks a process that serves. */
export async function answerOf<Q extends Question>(
  loop: Loop,
  watchdog: Watchdog,
  question: Q,
): Promise<Answers[Q["about"]]> {
  const answer =
    question.about === "profile"
      ? await takeProfile(question.order, watchdog)
      : question.about === "tasks"
        ? loop.tasks(question)
        : loop.halt(question.exchange);
  return answer as Answers[Q["about"]];
}

/** What ends the process, as the operator reads it. */
export function explained(error: unknown): {
  message: string;
  exitCode: number;
} {
  if (error instanceof CommandFailure)
    return { message: error.message, exitCode: error.exitCode };
  const isPlain = error instanceof Error && "code" in error; // an error of the gateway says what to do
  return {
    message: isPlain ? error.message : stackOf(error),
    exitCode: exitCodeOf(error),
  };
}

/**
 * A `UsageError` is about a setting here, because an application's own made it one that does not load. An engine that
 * does not load is a wrong one for this machine; files for TLS, and the path of a socket, are settings.
 */
function exitCodeOf(error: unknown): number {
  if (isNoApp(error)) return EXIT.noApp;
  const isSetting = [UsageError, EngineError, TlsFileError, PathError].some(
    (kind) => error instanceof kind,
  );
  return isSetting ? EXIT.usage : EXIT.failed;
}

interface Loaded {
  loop: Loop;
  /** It is an application itself, and the only one. */
  isWhole: boolean;
  /** The server of a program that listens by itself. */
  taken?: TakenServer;
}

/** A program that listens says where, if the operator says nothing else, and no socket is there already. */
function placesOf(
  { taken }: Loaded,
  { listen, explicit }: Orders,
): Orders["listen"] {
  const isGiven =
    explicit.includes("http") || listen.some(({ fd }) => fd !== undefined);
  if (taken === undefined || isGiven) return listen;
  const target = parseTarget(taken.http)!;
  const where = "path" in target ? { unix: target.path } : target;
  return listen.map(({ share, ...rest }) => ({
    ...rest,
    ...where,
    ...(share && !("unix" in where) && { share }),
  }));
}

/** A program that listens by itself: a loop with its server mounted. */
function* loadListening(orders: Orders, logs: Logs): Operation<Loaded> {
  const { settings, explicit, specs } = orders;
  const [spec] = specs as [AppSpec, ...AppSpec[]];
  if (specs.length > 1 || spec.prefix !== "/" || spec.kind !== "module")
    throw new CommandFailure(
      EXIT.usage,
      "takeListen takes one program of JavaScript or TypeScript, and mounts nothing beside it",
    );
  loopOptions.subscribe((options) =>
    applySettings(options as LoopOptions, settings, explicit, logs),
  );
  const { app, taken } = yield* inTime(
    settings.startTimeout,
    until(loadProgram(spec)),
    () => unloadable(spec, notListening(settings)),
  );
  const loop = new Loop();
  loop.mount(mounted(app, spec, settings, logs.log));
  return { loop, isWhole: false, taken };
}

function serveTaken(
  { loop, taken }: Loaded,
  [address]: readonly Address[],
  { specs }: Orders,
  { log }: Logs,
): void {
  log.info(
    `${specs[0]!.written} has a server listen at ${taken!.http}: the command serves it at ${address!.url} (takeListen)`,
  );
  taken!.serve(address!, loop);
}

/** A loop with all applications mounted, or the only application, if that is a loop itself. */
function* loadLoop(
  orders: Orders,
  logs: Logs,
  taken: Promise<Loop>,
  topics: Broker | undefined,
): Operation<Loaded> {
  const { settings, explicit, specs } = orders;
  loopOptions.subscribe((options) =>
    applySettings(options as LoopOptions, settings, explicit, logs, topics),
  );
  const loop = new Loop();
  for (const spec of specs) {
    const app = yield* loadInTime(spec, orders, logs, taken);
    if (app instanceof Loop) {
      if (specs.length === 1 && spec.prefix === "/")
        return { loop: app, isWhole: true };
      throw new CommandFailure(
        EXIT.noApp,
        `${spec.written} is a whole Loop, which cannot be mounted at a prefix or beside others; ` +
          "export a handler, or mount the others in it",
      );
    }
    if (app !== undefined)
      loop.mount(spec.prefix, mounted(app, spec, settings, logs.log));
  }
  return { loop, isWhole: false };
}

function* loadInTime(
  spec: AppSpec,
  { settings, explicit }: Orders,
  { log }: Logs,
  taken: Promise<Loop>,
): Operation<Application | Loop | undefined> {
  const options = {
    python: pythonOptions(settings, explicit),
    fetch: { lightResponse: settings.lightResponse },
  };
  try {
    return yield* inTime(
      settings.startTimeout,
      until(loadApp(spec, options, taken)),
      () => unloadable(spec, notImported(settings)),
    );
  } catch (error) {
    if (settings.needApp || !(error instanceof CommandFailure)) throw error;
    log.error(error.message);
    return undefined;
  }
}
