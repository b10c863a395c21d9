// A middleware that says how long the application took until it began to answer.
import type { Middleware } from "eddy/adapters/wsgi";

/**
 * Adds `server-timing`, which a browser shows beside the request. It changes nothing but the headers, so it wraps
 * `startResponse` and hands the application's result on as it is: body, `close()` and all.
 */
export const timing: Middleware = (app) => (environ, startResponse) => {
  const started = performance.now();
  // `excInfo` is there only when the application starts again after an error; PEP 3333 wants it passed on as it came.
  return app(environ, (status, headers, ...excInfo) => {
    const took = (performance.now() - started).toFixed(3);
    const timed: typeof headers = [
      ...headers,
      ["server-timing", `app;dur=${took}`],
    ];
    return startResponse(status, timed, ...excInfo);
  });
};
