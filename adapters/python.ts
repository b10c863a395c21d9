/** Applications of Python, with WSGI or ASGI: Flask, Django, FastAPI and others, in processes of their own. */
import { PythonApplication } from "./python/application.ts";
import { pythonSettings, type PythonOptions } from "./python/options.ts";

export type { PythonApplication } from "./python/application.ts";
export type { Interface, PythonOptions } from "./python/options.ts";

/**
 * Makes an application of Python mountable, with WSGI (PEP 3333) or ASGI 3, as it looks: `app` names it as Gunicorn,
 * uWSGI and Uvicorn do, `"module:attribute"`, `"module:factory()"`, or `"module"` for its `application` or `app`.
 *
 * Its processes start with `listen`, which fails with a {@link PythonStartError} that has Python's traceback when the
 * application cannot be loaded. They end when the loop has drained. When a process dies, the requests that it was
 * running are answered 502, those that were waiting go to other processes, and the process is replaced.
 *
 * With ASGI each process runs all of its requests and WebSockets at once, in one event loop; bodies stream both ways.
 * When the client leaves, the application is told, and its task is cancelled after `abortGraceMs`.
 *
 * With WSGI a request gets a thread when its body is here, and a slow client's reply waits in a file, so that no
 * client keeps a thread; with `streamBodies` both stream at the pace of the slower side. When the client leaves or the
 * task of a request is halted, `close()` of the result is called at the application's next chunk;
 * `environ["eddy.disconnected"]()` tells the application before.
 *
 * @throws {UsageError} for an option that does not exist or has a bad value.
 *
 * @example
 * ```ts
 * import { Loop } from "eddy";
 * import { python } from "eddy/adapters/python";
 *
 * const loop = new Loop();
 * loop.get("/healthz", () => "ok");
 * loop.mount("/", python("app:app", { chdir: "./shop", venv: "./shop/.venv", processes: 2, threads: 4 }));
 * await loop.listen(8000);
 * ```
 */
export function python(
  app: string,
  options: PythonOptions = {},
): PythonApplication {
  return new PythonApplication(pythonSettings(app, options));
}
