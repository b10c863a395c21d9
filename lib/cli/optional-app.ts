/** `needApp: false`, for an application that is loaded when the loop opens it: by Python, or by a thread. */
import {
  NotFoundError,
  PythonStartError,
  ThreadStartError,
  type Application,
} from "../index.ts";

/** The application does not load. */
export const isNoApp = (error: unknown): error is Error =>
  error instanceof PythonStartError || error instanceof ThreadStartError;

/** The same application. If it does not load, `failed` is called, and its path is answered 404. */
export function optional(
  application: Application,
  failed: (error: Error) => void,
): Application {
  if (typeof application === "function") return application;
  let there = false;
  return {
    handle(request) {
      if (there) return application.handle(request);
      throw new NotFoundError();
    },
    status: () => (there ? application.status?.() : undefined),
    *open(surroundings) {
      try {
        if (application.open) yield* application.open(surroundings);
        there = true;
      } catch (error) {
        if (!isNoApp(error)) throw error;
        failed(error);
      }
    },
  };
}
