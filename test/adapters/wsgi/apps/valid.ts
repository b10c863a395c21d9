/** Applications that do everything that PEP 3333 allows, each within a validator; for the loop and for threads. */
import { middleware } from "../../../../adapters/wsgi/middleware.ts";
import type { Environ, WsgiApp } from "../../../../adapters/wsgi/types.ts";
import { validator } from "../../../../adapters/wsgi/validator.ts";

interface Valid {
  app: WsgiApp;
  body: string;
  init: RequestInit;
}

const TEXT: [string, string] = ["content-type", "text/plain"];

export const VALID: Record<string, Valid> = {};

/** One by its title, which is the header `x-title`. */
export const byTitle: WsgiApp = (environ, start) =>
  VALID[environ.HTTP_X_TITLE as string]!.app(environ, start);

function passes(
  title: string,
  app: WsgiApp,
  body: string,
  init: RequestInit = {},
): void {
  VALID[title] = { app: validator(app), body, init };
}

function starting(result: (environ: Environ) => ReturnType<WsgiApp>): WsgiApp {
  return (environ, start) => {
    start("200 OK", [TEXT]);
    return result(environ);
  };
}

passes(
  "with an array of one chunk",
  starting(() => ["a"]),
  "a",
);
passes(
  "with an array of many",
  starting(() => ["a", "", "b"]),
  "ab",
);
passes(
  "with an empty result",
  starting(() => []),
  "",
);
passes(
  "with bytes",
  starting(() => [Buffer.from("a")]),
  "a",
);
passes(
  "with an iterator",
  starting(() => ["a", "b"].values()),
  "ab",
);
passes(
  "with a generator that starts on its way to the first chunk",
  function* (_, start) {
    start("200 OK", [TEXT]);
    yield "";
    yield "late";
  },
  "late",
);
passes(
  "with a result that is closed",
  starting(() => Object.assign(["a"], { close() {} })),
  "a",
);
passes(
  "with write()",
  (_, start) => {
    const write = start("200 OK", [TEXT]);
    write("a");
    write("b");
    return ["c"];
  },
  "abc",
);
passes(
  "with a second start",
  (_, start) => {
    start("200 OK", [TEXT]);
    start("500 Sorry", [TEXT], new Error("found in time"));
    return ["sorry"];
  },
  "sorry",
);
passes(
  "with a declared length",
  (_, start) => {
    start("200 OK", [TEXT, ["content-length", "2"]]);
    return ["a", "b"];
  },
  "ab",
);
passes(
  "with HEAD",
  (_, start) => {
    start("200 OK", [TEXT, ["content-length", "2"]]);
    return [];
  },
  "",
  { method: "HEAD" },
);
for (const status of ["204 No Content", "304 Not Modified"])
  passes(
    `with ${status}`,
    (_, start) => {
      start(status, []);
      return [];
    },
    "",
  );
passes(
  "with a body that is read in every way",
  starting((environ) => {
    const input = environ["wsgi.input"];
    const parts = [input.read(1), input.readline(), ...input.readlines(1)];
    return [...parts, ...input, input.read()];
  }),
  "one\ntwo\nthree",
  { method: "POST", body: "one\ntwo\nthree" },
);
passes(
  "with what is reported to wsgi.errors",
  starting((environ) => {
    environ["wsgi.errors"].flush();
    environ["wsgi.errors"].writelines([]);
    return ["a"];
  }),
  "a",
);
passes(
  "with a copy of the environ, and with changes to it",
  validator(
    middleware(
      starting((environ) => [String(environ.mine)]),
      (app) => (environ, start) => app({ ...environ, mine: "m" }, start),
      (app) => (environ, start) => {
        environ.HTTP_X_ADDED = "x";
        delete environ.HTTP_ACCEPT;
        return app(environ, start);
      },
      validator,
    ),
  ),
  "m",
);
