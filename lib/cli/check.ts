/** `eddy check`: everything that a start needs, tried and ended again. */
import { race, type Operation } from "effection";
import { endWorkers } from "./end-workers.ts";
import type { Identity } from "./identity.ts";
import { releaseOf } from "./release.ts";
import { secretVariables } from "./secret.ts";
import type { Configuration } from "./settings.ts";
import { readCertificates } from "./tls.ts";
import {
  failureOf,
  useWorkerProcess,
  type WorkerExit,
} from "./worker-process.ts";
import { forkWorker, withSockets } from "./worker-fork.ts";

/** A port that is nobody's, for the moment in which the applications are opened. */
const ANYWHERE = { host: "127.0.0.1", port: 0 };

/**
 * Loads and opens the applications in a worker, as a start would, and ends it.
 *
 * @returns what has loaded.
 * @throws {CommandFailure} as the start would.
 */
export function* check(
  configuration: Configuration,
  identity: Identity,
): Operation<string> {
  const { settings } = configuration;
  readCertificates(settings);
  const { fork, ...release } = releaseOf(
    configuration,
    secretVariables(settings),
  );
  const worker = yield* useWorkerProcess(
    {
      ...release,
      settings: { ...settings, needApp: true, logLevel: "warn" },
      explicit: [...release.explicit, "http"],
      listen: [ANYWHERE],
      uwsgi: undefined,
    },
    () => forkWorker({ ...fork, ...identity, stdio: withSockets([]) }),
    0,
    {},
  );
  const exit = yield* race([opened(worker.ready), worker.ended]);
  if (exit !== undefined) throw failureOf(exit);
  yield* endWorkers([worker], settings, true);
  return [
    ...release.specs.map(({ written }) => written),
    ...settings.static,
  ].join(", ");
}

function* opened(ready: Operation<void>): Operation<WorkerExit | undefined> {
  yield* ready;
  return undefined;
}
