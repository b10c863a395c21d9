/** How workers are started: each by itself, or as a fork of a process that has imported the application. */
import {
  ensure,
  resource,
  useScope,
  type Operation,
  type Scope,
} from "eddy/operations";
import type { Logger } from "../../lib/adapter.ts";
import type { PythonSettings } from "./options.ts";
import {
  startProcess,
  workerConfig,
  type ProcessEvents,
  type PythonProcess,
} from "./process.ts";
import { Zygote } from "./zygote.ts";

export interface Launcher {
  /** Starts the process of a worker with this folder. */
  launch(folder: string, events: ProcessEvents): PythonProcess;
  /**
   * Loads the code anew, for the workers from now on.
   *
   * @throws {PythonStartError} when it does not load; then nothing has changed.
   */
  renew(): Operation<void>;
}

/** Its processes end with the scope. */
export function useLauncher(
  settings: PythonSettings,
  log: Logger,
): Operation<Launcher> {
  return settings.lazyApps ? useImports(settings) : useZygotes(settings, log);
}

function* useImports(settings: PythonSettings): Operation<Launcher> {
  return {
    launch: (folder, events) =>
      startProcess(settings, workerConfig(settings, folder), events),
    *renew() {},
  };
}

function useZygotes(
  settings: PythonSettings,
  log: Logger,
): Operation<Launcher> {
  return resource(function* (provide) {
    const scope = yield* useScope();
    const start = (): Zygote => runIn(scope, new Zygote(settings, log));
    /** The one with the current code. Those before it end behind their last workers. */
    let current = start();
    yield* provide({
      launch(folder, events) {
        if (current.dead) current = start();
        return current.fork(folder, events);
      },
      *renew() {
        let other = start();
        try {
          yield* other.ready.operation;
          [current, other] = [other, current];
        } finally {
          other.end();
        }
      },
    });
  });
}

/** A process as a task. */
export interface ProcessTask {
  /** Done when the process has ended. */
  readonly gone: { readonly operation: Operation<void> };
  end(): void;
}

/** Makes a process a task of the scope: it ends when the process has; halted, it ends the process. */
export function runIn<T extends ProcessTask>(
  scope: Scope,
  process: T,
  onGone?: () => void,
): T {
  function* python(): Operation<void> {
    yield* ensure(function* () {
      process.end();
      yield* process.gone.operation;
      onGone?.();
    });
    yield* process.gone.operation;
  }
  scope.run(python); // its name is seen in loop.tasks()
  return process;
}
