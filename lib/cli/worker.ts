/** The entry of a worker's process: loads the applications, runs them in a loop, handles the supervisor's messages. */
import type { Server, Socket } from "node:net";
import { run, scoped, spawn, until, type Operation } from "effection";
import {
  Loop,
  UsageError,
  type Address,
  type Application,
  type LoopOptions,
} from "../index.ts";
import { stackOf } from "../common/thrown.ts";
import { loopOptions, loopServes } from "../loop/command.ts";
import type { AppSpec } from "./app-spec.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { ImportedFiles } from "./imported-files.ts";
import {
  loadApp,
  notImported,
  notOpen,
  openLimitMs,
  unloadable,
} from "./load-app.ts";
import { openLogs, type Logs } from "./logs.ts";
import { LoopRequests } from "./loop-requests.ts";
import { listenTargets, applySettings } from "./loop-options.ts";
import type { FromWorker, Orders, ToWorker } from "./messages.ts";
import { isNoApp, mounted } from "./mounted-app.ts";
import { inTime, openInTime } from "./in-time.ts";
import { pythonOptions } from "./python-options.ts";
import { reporting } from "./reporting.ts";
import { HandedServer } from "./uwsgi-front.ts";
import { MEANINGLESS, nameMeaningless, outlive } from "./use-signals.ts";
import { useWatchdog } from "./watchdog.ts";

/** A terminal sends these to the whole group of processes; only the supervisor handles them. */
const SUPERVISOR_SIGNALS = [
  "SIGINT",
  "SIGQUIT",
  "SIGHUP",
  "SIGUSR1",
  "SIGTTIN",
  "SIGTTOU",
] as const;

outlive([...SUPERVISOR_SIGNALS, ...MEANINGLESS]);
process.once("message", (message: ToWorker) => {
  if (message.type === "start") void run(() => live(message.orders));
});

/** The process exits behind it, whatever the application has left running. */
function* live(orders: Orders): Operation<void> {
  const imported = new ImportedFiles(orders.settings.reload);
  let code = 0;
  try {
    yield* scoped(() => work(orders, imported)); // a spawned task may fail, too
  } catch (error) {
    const failure = explained(error);
    code = failure.exitCode;
    tell({ type: "imported", files: imported.list() });
    tell({ type: "failed", ...failure });
  }
  process.exit(code); // it stays connected until the last words
}

function* work(orders: Orders, imported: ImportedFiles): Operation<void> {
  const { settings } = orders;
  const logs = openLogs(settings);
  nameMeaningless(logs.log);
  process.on("message", ({ type }: ToWorker) => {
    if (type === "reopen") logs.reopen(); // while it loads, too
  });
  const requests = new LoopRequests();
  const tellLast = (): void => {
    const { tally, suspects } = requests;
    tell({ type: "last", report: { tally, suspects } });
  };
  process.once("exit", tellLast);
  process.on("uncaughtExceptionMonitor", (error) => {
    const { suspects } = requests;
    logs.log.fatal({ err: error, requests: suspects }, "the worker fails");
    tell({
      type: "failed",
      exitCode: EXIT.failed,
      message: stackOf(error),
    });
  });
  let loop: Loop | undefined;
  yield* spawn(() => reporting(requests, tell));
  yield* useWatchdog(settings, {
    running: () => (loop ? namesOf(loop) : ["the import"]),
    leave() {
      logs.flush();
      tellLast();
    },
  });
  const loaded = yield* loadLoop(orders, logs);
  loop = loaded.loop;
  requests.follow(loop);
  const front =
    orders.uwsgi === undefined ? undefined : new HandedServer(orders.uwsgi);
  const addresses: Address[] = [];
  yield* openInTime(
    loaded.isWhole ? openLimitMs(settings) : 0, // those that are mounted here have limits of their own
    function* () {
      for (const target of listenTargets(settings, front))
        addresses.push(yield* loaded.loop.listen(target));
    },
    () => unloadable(orders.specs[0]!, notOpen(settings)),
  );
  handleMessages(loop, front);
  tell({ type: "ready", addresses, closeLimits: loop.closeLimits });
  tell({ type: "imported", files: imported.list() });
  yield* until(loop.closed);
}

const namesOf = (loop: Loop): string[] =>
  loop.tasks().exchanges.map(({ id, name }) => `${name} (${id})`);

function explained(error: unknown): { message: string; exitCode: number } {
  if (error instanceof CommandFailure)
    return { message: error.message, exitCode: error.exitCode };
  const isPlain = error instanceof Error && "code" in error; // an error of the gateway says what to do
  return {
    message: isPlain ? error.message : stackOf(error),
    exitCode: exitCodeOf(error),
  };
}

/** A `UsageError` is about a setting here, because an application's own made it one that does not load. */
function exitCodeOf(error: unknown): number {
  if (isNoApp(error)) return EXIT.noApp;
  return error instanceof UsageError ? EXIT.usage : EXIT.failed;
}

function tell(message: FromWorker): void {
  if (process.connected) process.send!(message);
}

interface Loaded {
  loop: Loop;
  /** It is an application itself, and the only one. */
  isWhole: boolean;
}

/** A loop with all applications mounted, or the only application, if that is a loop itself. */
function* loadLoop(orders: Orders, logs: Logs): Operation<Loaded> {
  const { settings, explicit, specs } = orders;
  loopOptions.subscribe((options) =>
    applySettings(options as LoopOptions, settings, explicit, logs),
  );
  const loop = new Loop();
  for (const spec of specs) {
    const app = yield* loadOrTakeOver(spec, orders, logs);
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

/** The import of a program that serves by itself never ends; its loop is used instead. */
function* loadOrTakeOver(
  spec: AppSpec,
  { settings, explicit }: Orders,
  { log }: Logs,
): Operation<Application | Loop | undefined> {
  const options = pythonOptions(settings, explicit);
  const serving = new Promise<Loop>((resolve) =>
    loopServes.subscribe((loop) => resolve(loop as Loop)),
  );
  try {
    const loaded = Promise.race([serving, loadApp(spec, options)]);
    return yield* inTime(settings.startTimeout, until(loaded), () =>
      unloadable(spec, notImported(settings)),
    );
  } catch (error) {
    if (settings.needApp || !(error instanceof CommandFailure)) throw error;
    log.error(error.message);
    return undefined;
  }
}

function handleMessages(loop: Loop, front: Server | undefined): void {
  const orders: {
    [T in ToWorker["type"]]?: (
      message: Extract<ToWorker, { type: T }>,
      socket?: Socket,
    ) => void;
  } = {
    // After the poll phase, in which the engine accepts connections: those that it has not accepted would be lost.
    close: ({ lingerMs }) => setImmediate(() => void loop.close({ lingerMs })),
    stop: () => void loop.stop(),
    connection({ id }, socket) {
      tell({ type: "taken", id }); // before anything is read of it: from here on it is nobody else's
      if (socket !== undefined) front?.emit("connection", socket);
    },
    ask: ({ id, question }) =>
      tell({
        type: "answer",
        id,
        answer:
          question.about === "tasks"
            ? loop.tasks()
            : loop.halt(question.exchange),
      }),
  };
  process.on("message", (message: ToWorker, socket?: Socket) =>
    orders[message.type]?.(message as never, socket),
  );
  process.once("disconnect", () => void loop.close());
  process.once("SIGTERM", () => void loop.close());
}
