/** The entry of a worker's process: runs the applications in a loop, handles the supervisor's messages. */
import type { Server, Socket } from "node:net";
import { run, scoped, spawn, until, type Operation } from "effection";
import type { Loop } from "../index.ts";
import { beOneOfSeveral } from "../common/processes.ts";
import { stackOf } from "../common/thrown.ts";
import { noteImports } from "../common/modules/import-module.ts";
import { reasonOf } from "../engine/uws/reason.ts";
import { EXIT } from "./failure.ts";
import { ImportedFiles } from "./imported-files.ts";
import { openLogs } from "./logs.ts";
import { LoopRequests } from "./loop-requests.ts";
import { listenTargets } from "./loop-options.ts";
import type { FromWorker, Orders, ToWorker } from "./messages.ts";
import { answerOf, explained, openLoop } from "./open-loop.ts";
import { reporting } from "./reporting.ts";
import { HandedServer } from "./uwsgi-front.ts";
import { MEANINGLESS, nameMeaningless, outlive } from "./use-signals.ts";
import { useTraces } from "./use-traces.ts";
import { useWatchdog, WatchdogThread, type Watchdog } from "./watchdog.ts";
import { WorkerTopics } from "./worker-topics.ts";

/** A terminal sends these to the whole group of processes; only the supervisor handles them. */
const SUPERVISOR_SIGNALS = [
  "SIGINT",
  "SIGQUIT",
  "SIGHUP",
  "SIGUSR1",
  "SIGUSR2",
  "SIGTTIN",
  "SIGTTOU",
] as const;

outlive([...SUPERVISOR_SIGNALS, ...MEANINGLESS]);
const watchdogThread = new WatchdogThread();
process.on("message", function hear(message: ToWorker) {
  if (message.type === "try") void tryEngine();
  if (message.type !== "start") return;
  process.off("message", hear);
  void run(() => live(message.orders));
});

async function tryEngine(): Promise<void> {
  const fault = await import("../engine/uws/load.ts").then(
    () => "",
    (error: Error) => reasonOf(error.cause ?? error),
  );
  tell({ type: "tried", fault });
}

/** The process exits behind it, whatever the application has left running. */
function* live(orders: Orders): Operation<void> {
  Object.assign(process.env, orders.variables);
  const imported = orders.settings.reload
    ? yield* until(importedFiles(orders))
    : undefined;
  let code = 0;
  try {
    yield* scoped(() => work(orders, imported)); // a spawned task may fail, too
  } catch (error) {
    const failure = explained(error);
    code = failure.exitCode;
    imported?.noteError(error);
    tell({ type: "failed", ...failure });
  }
  process.exit(code); // it stays connected until the last words
}

/** The supervisor is told when the application is loaded, and when the process ends, whatever ends it. */
async function importedFiles({ specs }: Orders): Promise<ImportedFiles> {
  const found = (files: readonly string[]): void =>
    tell({ type: "imported", files, since: performance.timeOrigin });
  const imported = new ImportedFiles(specs, await noteImports(), found);
  process.once("exit", () => imported.tell());
  return imported;
}

function* work(orders: Orders, imported?: ImportedFiles): Operation<void> {
  const { settings } = orders;
  const logs = openLogs(settings);
  nameMeaningless(logs.log);
  if (settings.workers === "auto" || settings.workers > 1) beOneOfSeveral();
  process.on("message", ({ type }: ToWorker) => {
    if (type === "reopen") logs.reopen(); // while it loads, too
  });
  const requests = new LoopRequests();
  const tellLast = (): void => {
    const { tally, suspects, figures } = requests;
    tell({ type: "last", report: { tally, suspects, figures } });
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
  yield* spawn(() => reporting(requests, logs, tell));
  const watchdog = yield* useWatchdog(watchdogThread, settings, {
    running: () => requests.names ?? ["the import"],
    leave() {
      logs.flush();
      tellLast();
    },
  });
  yield* useTraces(settings);
  const front =
    orders.uwsgi === undefined ? undefined : new HandedServer(orders.uwsgi);
  const { loop, addresses } = yield* openLoop(orders, {
    logs,
    requests,
    targets: (listen) => listenTargets(listen, front),
    topics: new WorkerTopics(),
  });
  handleMessages(loop, front, watchdog);
  tell({ type: "ready", addresses, closeLimits: loop.closeLimits });
  imported?.tell();
  yield* until(loop.closed);
}

/** A supervisor that has just been killed does not hear it any more: "disconnect" will say so. */
function tell(message: FromWorker): void {
  if (process.connected) process.send!(message, undefined, {}, () => {});
}

function handleMessages(
  loop: Loop,
  front: Server | undefined,
  watchdog: Watchdog,
): void {
  const orders: {
    [T in ToWorker["type"]]?: (
      message: Extract<ToWorker, { type: T }>,
      socket?: Socket,
    ) => void | Promise<void>;
  } = {
    close({ lingerMs }) {
      const stoppedListening = (): void => tell({ type: "stoppedListening" });
      void loop.close({ lingerMs, stoppedListening });
    },
    stop: () => void loop.stop(),
    connection({ id }, socket) {
      tell({ type: "taken", id }); // before anything is read of it: from here on it is nobody else's
      if (socket !== undefined) front?.emit("connection", socket);
    },
    async ask({ id, question }) {
      const answer = await answerOf(loop, watchdog, question);
      tell({ type: "answer", id, answer });
    },
  };
  process.on(
    "message",
    (message: ToWorker, socket?: Socket) =>
      void orders[message.type]?.(message as never, socket),
  );
  const close = (): void => void loop.close();
  if (process.connected) process.once("disconnect", close);
  else close(); // while the application was loaded
  process.once("SIGTERM", () =>
    process.connected ? tell({ type: "leaving" }) : void loop.close(),
  );
}
