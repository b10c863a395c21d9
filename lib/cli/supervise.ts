/** The supervisor: starts workers and handles signals. It never runs the application itself. */
import { availableParallelism } from "node:os";
import { relative } from "node:path";
import { isatty } from "node:tty";
import { race, sleep, spawn, type Operation, type Queue } from "effection";
import { appSpecs } from "./app-spec.ts";
import { announce } from "./banner.ts";
import { requiredVariables } from "./configure.ts";
import type { Identity } from "./identity.ts";
import type { Logs } from "./logs.ts";
import { Systemd } from "./notify.ts";
import { usePidFile } from "./pid-file.ts";
import { useProcessPool, type ProcessPool } from "./process-pool.ts";
import { useAddress } from "./port.ts";
import { KEYS } from "./schema.ts";
import { secretVariables } from "./secret.ts";
import { DEFAULT, type Configuration } from "./settings.ts";
import { useStatusServers } from "./status-server.ts";
import { useUwsgiFront } from "./uwsgi-front.ts";
import {
  ENDING,
  nameMeaningless,
  ROTATING,
  STEERING,
  useSignals,
} from "./use-signals.ts";
import { useWatcher, type Watcher } from "./watch.ts";

type Steering = (typeof STEERING)[number];

/** Runs until it is told to end. @throws {CommandFailure} when the workers cannot be kept running. */
export function* supervise(
  configuration: Configuration,
  identity: Identity,
  logs: Logs,
): Operation<void> {
  const { settings, resolved } = configuration;
  const specs = appSpecs(settings);
  const env = {
    ...process.env,
    ...requiredVariables(configuration),
    ...secretVariables(settings),
  };
  const systemd = new Systemd(process.env, logs.log);
  nameMeaningless(logs.log);
  const endings = yield* useSignals<NodeJS.Signals>(ENDING);
  yield* spawn(() => endWithTerminal(endings));
  const steering = yield* useSignals(STEERING);
  const rotations = yield* useSignals(ROTATING);
  yield* usePidFile(settings.pid);
  const watcher = settings.reload
    ? yield* useWatcher({
        watching: (files) => logs.log.info(`watching ${files} files`),
        failed: ({ message }) =>
          logs.log.error(
            `${message}; not all changes are seen, \`eddy reload\` still works`,
          ),
      })
    : undefined;
  const front = settings.uwsgi
    ? yield* useUwsgiFront(settings.uwsgi, identity)
    : undefined;
  const pool = yield* useProcessPool({
    orders: {
      settings: yield* useAddress(settings),
      explicit: KEYS.filter((key) => resolved[key].source !== DEFAULT),
      specs,
      uwsgi: front?.address,
    },
    fork: { env, ...identity },
    workers:
      settings.workers === "auto" ? availableParallelism() : settings.workers,
    log: logs.log,
    patient: settings.reload,
    imported: (files) => watcher?.add(files),
    ready: () => front?.distribute(),
    returned: (connections) => front?.takeBack(connections),
  });
  front?.serveBy(() => pool.ready);
  yield* useStatusServers(settings, pool);
  if (watcher !== undefined)
    yield* spawn(() => reloadOnChange(watcher, steering, logs));
  yield* spawn(() => reopening(rotations, pool, logs));
  yield* spawn(() => systemd.pingWatchdog());
  const signal = yield* race([
    next(endings),
    pool.broken,
    run(pool, steering, logs, systemd, () => announce(logs, specs, pool)),
  ]);
  yield* systemd.tell("STOPPING=1");
  front?.stop();
  yield* end(pool, signal, endings, logs);
}

/** A terminal that is closed sends SIGHUP, too: that means the end, and not a reload. */
function* endWithTerminal(
  endings: Queue<NodeJS.Signals, never>,
): Operation<never> {
  const terminals = [0, 1, 2].filter((descriptor) => isatty(descriptor));
  const hangups = yield* useSignals(["SIGHUP"]);
  for (;;) {
    const signal = yield* next(hangups);
    if (!terminals.every((descriptor) => isatty(descriptor)))
      endings.add(signal);
  }
}

/** Starts the workers and handles signals, one after the other. */
function* run(
  pool: ProcessPool,
  steering: Queue<Steering, never>,
  logs: Logs,
  systemd: Systemd,
  started: () => void,
): Operation<never> {
  const steer: Record<Steering, () => Operation<void>> = {
    *SIGHUP() {
      yield* systemd.tell("RELOADING=1");
      yield* pool.reload();
      yield* spawn(() => ready(pool, systemd));
    },
    SIGTTIN: () => pool.resize(1),
    SIGTTOU: () => pool.resize(-1),
  };
  yield* pool.open();
  yield* spawn(() => ready(pool, systemd, started));
  for (;;) {
    const signal = yield* next(steering);
    logs.log.info(`${signal} received`);
    yield* steer[signal]();
  }
}

/** Waits for the first worker in a task of its own, because a signal may have to bring it about. */
function* ready(
  pool: ProcessPool,
  systemd: Systemd,
  started?: () => void,
): Operation<void> {
  yield* pool.serves();
  started?.();
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
  signal: string,
  endings: Queue<NodeJS.Signals, never>,
  { log }: Logs,
): Operation<void> {
  log.info(`${signal}: the workers finish what they have`);
  const hurry = yield* spawn(function* () {
    const again = yield* next(endings);
    log.warn(`${again} again: the workers stop at once`);
    yield* pool.close(true);
  });
  yield* race([pool.close(false), hurry]);
  log.info("stopped");
}

function* next<T>(queue: Queue<T, never>): Operation<T> {
  return (yield* queue.next()).value;
}
