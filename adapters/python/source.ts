/** Where workers come from: each started by itself, or copied from a process that has imported the application. */
import { ensure, resource, useScope, type Operation } from "eddy/operations";
import type { Logger } from "../../lib/adapter.ts";
import { launch, workerConfig, type Launch } from "./launch.ts";
import type { PythonSettings } from "./options.ts";
import { Zygote } from "./zygote.ts";

export interface Source {
  readonly launch: Launch;
  /** Workers from now on have the code as it is now. @throws {PythonStartError} when that does not load; then nothing has changed. */
  renew(): Operation<void>;
}

/** Its processes end with the scope. */
export function useSource(
  settings: PythonSettings,
  log: Logger,
): Operation<Source> {
  return settings.lazyApps ? useImports(settings) : useZygotes(settings, log);
}

function* useImports(settings: PythonSettings): Operation<Source> {
  return {
    launch: (folder, hears) =>
      launch(settings, workerConfig(settings, folder), hears),
    *renew() {},
  };
}

function useZygotes(settings: PythonSettings, log: Logger): Operation<Source> {
  return resource(function* (provide) {
    const scope = yield* useScope();
    const start = (): Zygote => {
      const zygote = new Zygote(settings, log);
      const python = (): Operation<void> => live(zygote);
      scope.run(python); // as the workers' tasks
      return zygote;
    };
    /** The one whose code counts. Those before it end behind their last workers. */
    let current = start();
    yield* provide({
      launch(folder, hears) {
        if (current.dead) current = start();
        return current.fork(folder, hears);
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

/** A zygote's task: it ends when the process has; halted, it ends the process. */
function* live(zygote: Zygote): Operation<void> {
  yield* ensure(function* () {
    zygote.end();
    yield* zygote.gone.operation;
  });
  yield* zygote.gone.operation;
}
