/**
 * `--workers 0`: the command's own process runs the applications, where somebody else supervises it, as a container
 * does. Settings, status and signals are those of a supervisor, but for what it takes a worker to do.
 */
import {
  race,
  resource,
  run,
  sleep,
  spawn,
  suspend,
  until,
  withResolvers,
  type Operation,
} from "effection";
import { MAX_TIMER_MS } from "../common/checked-options.ts";
import { announce } from "./banner.ts";
import { lingerAtEnd } from "./end-workers.ts";
import { attempt, CommandFailure, EXIT } from "./failure.ts";
import type { Identity } from "./identity.ts";
import { INTERVALS } from "./intervals.ts";
import type { Logs } from "./logs.ts";
import { LoopRequests } from "./loop-requests.ts";
import { Systemd } from "./notify.ts";
import { explained, openLoop, type Opened } from "./open-loop.ts";
import { useOwnPlace } from "./own-place.ts";
import { OwnProcess } from "./own-process.ts";
import { usePidFile } from "./pid-file.ts";
import { releaseOf } from "./release.ts";
import { refuseReloads } from "./reload-report.ts";
import { reporting } from "./reporting.ts";
import type { Settings } from "./schema.ts";
import { secretVariables } from "./secret.ts";
import { isGiven, type Configuration } from "./settings.ts";
import { useSockets } from "./sockets.ts";
import { useStatusServers } from "./status-servers.ts";
import type { Surroundings } from "./supervise.ts";
import { endWithTerminal } from "./terminal.ts";
import { watchExpiry } from "./tls.ts";
import { useTraces } from "./use-traces.ts";
import {
  nameMeaningless,
  next,
  ROTATING,
  STEERING,
  UPGRADING,
  useEndings,
  useSignals,
} from "./use-signals.ts";

/**
 * Runs until it is told to end, or its loop has closed. The process exits behind it, whatever the applications have
 * left running.
 *
 * @throws {CommandFailure} when the applications cannot be run.
 */
export async function serveAlone(
  configuration: Configuration,
  surroundings: Surroundings,
): Promise<void> {
  try {
    await run(() => serve(configuration, surroundings));
  } catch (error) {
    const { exitCode, message } = explained(error);
    throw new CommandFailure(exitCode, message, { cause: error });
  } finally {
    setImmediate(() => process.exit()); // with the code that the failure gives it first
  }
}

function* serve(
  configuration: Configuration,
  { inheritance, identity, logs }: Surroundings,
): Operation<void> {
  const { settings, resolved } = configuration;
  if (inheritance.predecessor !== undefined)
    throw new CommandFailure(
      EXIT.usage,
      "a process without workers (--workers 0) takes no sockets over from a supervisor: stop that one, then start this",
    );
  const { fork, ...release } = releaseOf(
    configuration,
    secretVariables(settings),
  );
  Object.assign(process.env, fork.env, release.variables);
  process.execArgv = fork.execArgv; // for what it forks; its threads have what Node was started with
  const endings = yield* useEndings();
  yield* spawn(() => endWithTerminal(endings));
  yield* spawn(() => reopening(logs));
  yield* spawn(() => refusing(logs));
  nameMeaningless(logs.log);
  const systemd = new Systemd(process.env, logs.log);
  const sockets = yield* useSockets(inheritance.sockets);
  yield* usePidFile(settings.pid);
  refuseReloads(settings.pid, NO_WORKERS); // as long as this process may write there
  const place = yield* useOwnPlace({
    settings,
    isHttpGiven: isGiven(resolved.http),
    sockets,
    identity,
    log: logs.log,
  });
  become(identity);
  const requests = new LoopRequests();
  process.on("uncaughtExceptionMonitor", (error) =>
    logs.log.fatal(
      { err: error, requests: requests.suspects },
      "the process fails",
    ),
  );
  const orders = { ...release, listen: place.listen, uwsgi: undefined };
  yield* useTraces(settings);
  const opening = yield* useTask(() =>
    openLoop(orders, {
      logs,
      requests,
      targets: (listen) => [...listen, ...place.fronts],
    }),
  );
  const opened = yield* race([opening, next(endings)]);
  if (typeof opened === "string") return logs.log.info(`${opened}: stopped`);
  const own = new OwnProcess(opened, requests, settings);
  if (settings.stats !== "" || settings.metrics !== "")
    yield* spawn(() =>
      reporting(requests, logs, (message) => own.hear(message)),
    );
  yield* useStatusServers(settings, sockets, own);
  yield* spawn(() => watchExpiry(settings, logs.log));
  announce(logs, release.specs, settings.static, own);
  yield* systemd.tell("READY=1");
  yield* spawn(() => systemd.pingWatchdog());
  const signal = yield* race([next(endings), until(opened.loop.closed)]);
  yield* systemd.tell("STOPPING=1");
  if (typeof signal === "string")
    yield* end(opened, signal, () => next(endings), settings, logs);
}

/** What an operation gives; what it opens stays open behind it, until the scope of the caller ends. */
function useTask<T>(operation: () => Operation<T>): Operation<Operation<T>> {
  return resource(function* (provide) {
    const result = withResolvers<T>();
    yield* spawn(function* () {
      result.resolve(yield* operation());
      yield* suspend();
    });
    yield* provide(result.operation);
  });
}

/** The first signal lets requests finish, the second does not; and nothing takes longer than the loop says. */
function* end(
  { loop }: Opened,
  signal: string,
  again: () => Operation<NodeJS.Signals>,
  settings: Settings,
  { log }: Logs,
): Operation<void> {
  log.info(`${signal}: what runs finishes`);
  const lingerMs = lingerAtEnd(settings);
  const { requestsMs, cleanupsMs } = loop.closeLimits;
  const limitMs = requestsMs + lingerMs + cleanupsMs + INTERVALS.exitMs;
  yield* spawn(function* () {
    log.warn(`${yield* again()} again: it stops at once`);
    void loop.stop();
  });
  void loop.close({ lingerMs });
  yield* race([until(loop.closed), sleep(Math.min(limitMs, MAX_TIMER_MS))]);
}

/** At once: the files that were moved may soon be compressed. */
function* reopening(logs: Logs): Operation<never> {
  const rotations = yield* useSignals(ROTATING);
  for (;;) {
    yield* next(rotations);
    if (logs.reopen()) logs.log.info("the log files are reopened");
  }
}

/** Names signals that are about workers. The HUP of a terminal that is closed is none of them: it ends the process. */
function* refusing({ log }: Logs): Operation<never> {
  const signals = yield* useSignals([...STEERING, ...UPGRADING]);
  for (;;) {
    const signal = yield* next(signals);
    log.warn(`${signal} is refused: ${NO_WORKERS}`);
  }
}

const NO_WORKERS =
  "there are no workers to replace or to count (--workers 0); start the process anew";

function become({ uid, gid }: Identity): void {
  if (uid === undefined && gid === undefined) return;
  attempt(
    EXIT.usage,
    "only root can run applications as another user or group",
    () => {
      if (process.getuid!() === 0) process.setgroups!([]);
      if (gid !== undefined) process.setgid!(gid);
      if (uid !== undefined) process.setuid!(uid);
    },
  );
}
