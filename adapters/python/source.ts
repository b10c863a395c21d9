/** Where workers come from: each started by itself, or copied from a process that has imported the application. */
import { resource, type Operation } from "eddy/operations";
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
    /** The one whose code counts, and those whose workers still end. */
    const zygotes: Zygote[] = [];
    const start = (): Zygote => {
      const zygote = new Zygote(settings, log);
      zygotes.push(zygote);
      return zygote;
    };
    let current = start();
    try {
      yield* provide({
        launch(folder, hears) {
          if (current.dead) current = start();
          return current.fork(folder, hears);
        },
        *renew() {
          const next = start();
          yield* next.ready.operation;
          current.end();
          current = next;
        },
      });
    } finally {
      for (const zygote of zygotes) zygote.end();
      for (const zygote of zygotes) yield* zygote.gone.operation;
    }
  });
}
