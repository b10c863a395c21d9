/** The supervisor: starts workers and handles signals. It never runs the application itself. */
import { relative, resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import {
  race,
  scoped,
  sleep,
  spawn,
  suspend,
  withResolvers,
  type Operation,
  type Queue,
} from "effection";
import { MAX_TIMER_MS } from "../common/checked-options.ts";
import { counted } from "../common/counted.ts";
import { announce } from "./banner.ts";
import type { FirstWorker } from "./first-worker.ts";
import type { Identity } from "./identity.ts";
import type { Inheritance } from "./inheritance.ts";
import type { Logs } from "./logs.ts";
import { Systemd } from "./notify.ts";
import { usePidFile } from "./pid-file.ts";
import { workersOf } from "./cores.ts";
import { useProcessPool, type ProcessPool } from "./process-pool.ts";
import { usePlace, useProgramAddress } from "./port.ts";
import type { Release } from "./release.ts";
import { reload } from "./reload.ts";
import { writeReport } from "./reload-report.ts";
import { useSockets, type Sockets } from "./sockets.ts";
import { isGiven, type Configuration } from "./settings.ts";
import { useStatusServers } from "./status-servers.ts";
import { endWithTerminal } from "./terminal.ts";
import { watchExpiry } from "./tls.ts";
import type { Start } from "./start.ts";
import { succeed } from "./successor.ts";
import { FRONT_OF_SYSTEMD, useUwsgiFront } from "./uwsgi-front.ts";
import {
  nameMeaningless,
  next,
  ROTATING,
  STEERING,
  UPGRADING,
  useEndings,
  useSignals,
} from "./use-signals.ts";
import { useWatcher, type Watcher } from "./watch.ts";
import { withSockets } from "./worker-fork.ts";

type Steering = (typeof STEERING)[number];

/** As whom, by whom and where this process was started, and what it writes. */
export interface Surroundings {
  readonly flags: Readonly<Record<string, unknown>>;
  readonly start: Start;
  readonly inheritance: Inheritance;
  readonly identity: Identity;
  readonly logs: Logs;
}

/** What has begun before the supervisor was loaded. */
export interface Beginning extends Surroundings {
  readonly release: Release;
  /** Undefined where all workers are given sockets. */
  readonly first: FirstWorker | undefined;
}

/** Runs until it is told to end. @throws {CommandFailure} when the workers cannot be kept running. */
export function* supervise(
  configuration: Configuration,
  beginning: Beginning,
): Operation<void> {
  const { flags, start, inheritance, identity, logs, first } = beginning;
  const { fork, ...release } = beginning.release;
  const { settings, resolved } = configuration;
  const { predecessor } = inheritance;
  const pidFile = settings.pid && resolve(settings.pid); // a reload may go to another folder
  const systemd = new Systemd(process.env, logs.log);
  nameMeaningless(logs.log);
  const endings = yield* useEndings();
  yield* spawn(() => endWithTerminal(endings));
  const ending = yield* spawn(() => next(endings));
  const steering = yield* useSignals(STEERING, ["SIGHUP"]);
  const rotations = yield* useSignals(ROTATING);
  const upgrades = yield* useSignals(UPGRADING);
  const sockets = yield* useSockets(inheritance.sockets);
  sockets.isShared = predecessor !== undefined;
  if (predecessor === undefined) yield* usePidFile(pidFile);
  const watcher = settings.reload
    ? yield* useWatcher({
        watching: (files) =>
          logs.log.info(`watching ${counted(files, "file")}`),
        failed: ({ message }) =>
          logs.log.error(
            `${message}; not all changes are seen, \`eddy reload\` still works`,
          ),
      })
    : undefined;
  const front =
    settings.uwsgi || sockets.given(FRONT_OF_SYSTEMD)
      ? yield* useUwsgiFront(settings.uwsgi, identity, sockets)
      : undefined;
  const place = yield* usePlace({
    settings,
    isHttpGiven: isGiven(resolved.http),
    sockets,
    identity,
    log: logs.log,
    faultOfUws: () => triedBy(first!, settings.startTimeout, ending),
  });
  if (place.sockets.length > 0) first?.end(); // it has none
  const pool = yield* useProcessPool({
    orders: { ...release, listen: place.listen, uwsgi: front?.address },
    fork: {
      ...fork,
      ...identity,
      stdio: withSockets(place.sockets),
    },
    first,
    workers: workersOf(settings),
    log: logs.log,
    patient: settings.reload,
    imported: (files, since) => watcher?.add(files, since),
    ready: () => front?.distribute(),
    returned: (connections) => front?.takeBack(connections),
  });
  front?.serveBy(() => pool.ready);
  if (predecessor === undefined)
    yield* useStatusServers(settings, sockets, pool);
  if (watcher !== undefined)
    yield* spawn(() => reloadOnChange(watcher, steering, logs));
  yield* spawn(() => reopening(rotations, pool, logs));
  yield* spawn(() => watchExpiry(settings, logs.log));
  const opened = withResolvers<void>();
  yield* spawn(function* () {
    yield* opened.operation;
    yield* pool.serves(); // in a task of its own, because a signal may have to bring it about
    if (settings.takeListen && !isGiven(resolved.http))
      yield* claimProgramAddress(sockets, pool);
    if (predecessor !== undefined) {
      yield* usePidFile(pidFile, predecessor.pid);
      yield* useStatusServers(settings, sockets, pool);
      if (front !== undefined) yield* front.open();
      sockets.closeRest();
    }
    announce(logs, release.specs, settings.static, pool);
    yield* systemd.tell("READY=1");
    predecessor?.relieve();
    sockets.isShared = false;
    yield* systemd.pingWatchdog();
    yield* suspend();
  });
  const reason = yield* race([
    ending,
    pool.broken,
    run(pool, steering, logs, systemd, {
      opened: () => opened.resolve(),
      *reload() {
        const startedAt = Date.now();
        const rereading = {
          flags,
          start,
          before: configuration,
          log: logs.log,
        };
        const failure = yield* reload(rereading, release.variables, pool);
        writeReport(pidFile, { startedAt, failure });
      },
    }),
    relieved(upgrades, start, sockets, logs),
  ]);
  if (reason === RELIEVED) {
    systemd.leave();
    sockets.leave();
  }
  yield* systemd.tell("STOPPING=1");
  front?.stop();
  place.close();
  yield* end(pool, reason, endings, logs);
}

/** A worker that does not answer is no reason to go on waiting, nor to wait when the command is to end. */
function triedBy(
  first: FirstWorker,
  limitMs: number,
  ending: Promise<unknown>,
): Promise<string> {
  const late = `a process that loads it has not said so within ${limitMs} ms`;
  return Promise.race([
    first.faultOfUws,
    setTimeout(Math.min(limitMs, MAX_TIMER_MS), late, { ref: false }),
    ending.then(() => ""),
  ]);
}

/** Done when a new release serves. */
function* relieved(
  upgrades: Queue<unknown, never>,
  start: Start,
  sockets: Sockets,
  { log }: Logs,
): Operation<typeof RELIEVED> {
  for (;;) {
    yield* next(upgrades);
    log.info("SIGUSR2 received");
    if (yield* scoped(() => succeed(start, sockets, log))) return RELIEVED;
  }
}

const RELIEVED = "a new release serves";

/** Starts the workers and handles signals, one after the other. */
function* run(
  pool: ProcessPool,
  steering: Queue<Steering, never>,
  logs: Logs,
  systemd: Systemd,
  { opened, reload }: { opened: () => void; reload: () => Operation<void> },
): Operation<never> {
  const steer: Record<Steering, () => Operation<void>> = {
    *SIGHUP() {
      yield* systemd.tell("RELOADING=1");
      yield* reload();
      yield* spawn(() => ready(pool, systemd));
    },
    SIGTTIN: () => pool.resize(1),
    SIGTTOU: () => pool.resize(-1),
  };
  yield* pool.open();
  opened();
  for (;;) {
    const signal = yield* next(steering);
    logs.log.info(`${signal} received`);
    yield* steer[signal]();
  }
}

/** Which only a worker can tell. */
function* claimProgramAddress(
  sockets: Sockets,
  pool: ProcessPool,
): Operation<void> {
  for (const address of pool.ready[0]!.addresses)
    yield* useProgramAddress(sockets, address);
}

function* ready(pool: ProcessPool, systemd: Systemd): Operation<void> {
  yield* pool.serves();
  yield* systemd.tell("READY=1");
}

/** At once, also in the middle of a reload: the files that were moved may soon be compressed. */
function* reopening(
  rotations: Queue<unknown, never>,
  pool: ProcessPool,
  logs: Logs,
): Operation<never> {
  for (;;) {
    yield* next(rotations);
    if (logs.reopen()) logs.log.info("the log files are reopened");
    pool.tell({ type: "reopen" });
  }
}

/** Changes at about the same time are one reload. */
function* reloadOnChange(
  { changes }: Watcher,
  steering: Queue<Steering, never>,
  { log }: Logs,
): Operation<never> {
  for (;;) {
    let file: string | void = yield* next(changes);
    while (file !== undefined) {
      log.info(`${relative(process.cwd(), file)} has changed`);
      file = yield* race([next(changes), sleep(SETTLE_MS)]);
    }
    steering.add("SIGHUP");
  }
}

/** Editors and compilers write several files in a row. */
const SETTLE_MS = 50;

/** The first signal lets requests finish, the second does not. */
function* end(
  pool: ProcessPool,
  reason: string,
  endings: Queue<NodeJS.Signals, never>,
  { log }: Logs,
): Operation<void> {
  log.info(`${reason}: the workers finish what they have`);
  const hurry = yield* spawn(function* () {
    const again = yield* next(endings);
    log.warn(`${again} again: the workers stop at once`);
    yield* pool.close(true);
  });
  yield* race([pool.close(false), hurry]);
  log.info("stopped");
}
