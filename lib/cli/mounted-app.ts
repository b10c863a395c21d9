/**
 * Applications that are loaded, or open what they need, when the loop opens them: in Python, in threads, or by
 * themselves.
 */
import {
  NotFoundError,
  PythonStartError,
  ThreadStartError,
  type Application,
  type Logger,
} from "../index.ts";
import type { AppSpec } from "./app-spec.ts";
import { CommandFailure } from "./failure.ts";
import { openInTime } from "./in-time.ts";
import { notOpen, openLimitMs, unloadable } from "./load-app.ts";
import type { Settings } from "./schema.ts";

/** The application does not load. */
export const isNoApp = (error: unknown): error is Error =>
  error instanceof PythonStartError || error instanceof ThreadStartError;

/**
 * The same application, which has to open in time. If it does not, or does not load, it fails to open; with
 * `needApp: false` the log says why instead, and its path is answered 404.
 */
export function mounted(
  application: Application,
  spec: AppSpec,
  settings: Settings,
  log: Logger,
): Application {
  if (typeof application === "function" || !application.open)
    return application;
  let there = false;
  return {
    handle(request) {
      if (there) return application.handle(request);
      throw new NotFoundError();
    },
    websocket: application.websocket,
    status: () => (there ? application.status?.() : undefined),
    *open(surroundings) {
      try {
        yield* openInTime(
          openLimitMs(settings),
          () => application.open!(surroundings),
          () => unloadable(spec, notOpen(settings)),
        );
        there = true;
      } catch (error) {
        if (settings.needApp) throw error;
        const why = isNoApp(error) ? unloadable(spec, error.message) : error;
        if (!(why instanceof CommandFailure)) throw why;
        log.error(why.message);
      }
    },
  };
}
