/**
 * One suite for WSGI-style applications on the loop and in threads. Those take a while to start: they are among the
 * slow tests.
 */
import { serialize } from "node:v8";
import { wsgi, type WsgiApp } from "../../adapters/wsgi.ts";
import type { Application } from "../../lib/index.ts";

/** Threads have to start, on a machine that may be busy. */
const PATIENCE_MS = 30_000;

/** What applications use by its name: functions, and constants of JSON. */
type Known = Readonly<Record<string, unknown>>;

/** A suite, at each place of the applications. */
export interface Suite {
  onLoop(): void;
  inThreads(): void;
}

/** `isLoop`: the application is the test's own function, which sees the variables around it. */
export const everywhere = (
  known: Known,
  suite: (mount: (app: WsgiApp) => Application, isLoop: boolean) => void,
): Suite => ({
  onLoop() {
    describe("on the loop:", () => suite(wsgi, true));
  },
  inThreads() {
    describe("in a thread:", function () {
      this.timeout(PATIENCE_MS);
      suite((app) => inThread(app, known), false);
    });
  },
});

/**
 * As `make`, whose applications are to be had in a thread, too: made again from the source of `make` and the arguments.
 */
export function portable<A extends unknown[]>(
  make: (...args: A) => WsgiApp,
): (...args: A) => WsgiApp {
  return (...args) =>
    Object.assign(make(...args), {
      source: () => `(${String(make)})(...${sourceOfData(args)})`,
    });
}

/** The application from its source, in which it knows nothing but `known`. */
function inThread(
  app: WsgiApp & { source?: () => string },
  known: Known,
): Application {
  const lines = Object.entries(known).map(
    ([name, value]) => `const ${name} = ${sourceOf(value)};`,
  );
  const code = [
    `import { deserialize } from "node:v8";`,
    ...lines,
    `export default ${app.source?.() ?? String(app)};`,
  ];
  const module = new URL(
    `data:text/javascript,${encodeURIComponent(code.join("\n"))}`,
  );
  return wsgi({ module, threads: 1 });
}

function sourceOf(value: unknown): string {
  return typeof value === "function" ? String(value) : JSON.stringify(value);
}

function sourceOfData(value: unknown): string {
  const data = serialize(value).toString("base64");
  return `deserialize(Buffer.from("${data}", "base64"))`;
}
