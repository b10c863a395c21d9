/**
 * Waiting, for applications in threads: asynchronous work is done on the loop, and looks synchronous here.
 *
 * The work is a task of the request: when the client leaves, it is halted, and what waits for it throws a
 * `ClientAbortedError`.
 */
import { inspect } from "node:util";
import { UsageError } from "../../lib/adapter.ts";
import { channel } from "./threads/inside/channel.ts";
import type { WorkData } from "./threads/protocol.ts";
import type { FetchedData, FetchInit } from "./threads/work.ts";

export { ClientAbortedError } from "../../lib/adapter.ts";
export type { FetchInit } from "./threads/work.ts";

/** Work that was described, and not begun. */
export interface Work<T> {
  readonly data: WorkData;
  readonly read: (value: any) => T;
}

/** A response, complete. */
export interface Fetched {
  readonly status: number;
  /** The status is 200 to 299. */
  readonly ok: boolean;
  readonly statusText: string;
  /** After redirects. */
  readonly url: string;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
  text(): string;
  /** @throws {SyntaxError} when the body is not JSON. */
  json<T = unknown>(): T;
}

/** What can be waited for. Descriptions: nothing happens before {@link wait} has them. */
export const work = {
  /** So many milliseconds. */
  sleep: (ms: number): Work<void> => ({ data: ["sleep", ms], read: () => {} }),
  /** What `fetch` gives, with its body. Fails as `fetch` does; a status is not a failure. */
  fetch: (url: string | URL, init: FetchInit = {}): Work<Fetched> => ({
    data: ["fetch", String(url), init],
    read: fetched,
  }),
  /** What the mount's `provide[name](...args)` returns. Arguments and result are copied by structured clone. */
  call: <T = unknown>(name: string, ...args: unknown[]): Work<T> => ({
    data: ["call", name, ...args],
    read: (value: T) => value,
  }),
};

type Results<T extends readonly Work<unknown>[]> = {
  -readonly [I in keyof T]: T[I] extends Work<infer R> ? R : never;
};

/**
 * Blocks this thread until the loop has done the work, and gives what it came to. Several works run at once: all their
 * results in order, or the first failure, which halts the others.
 *
 * `wait.sleep`, `wait.fetch` and `wait.call` wait for one work each.
 *
 * @throws what the work fails with: an error with the same name, message, stack and code.
 * @throws {ClientAbortedError} when the client leaves meanwhile; `HaltedError` when the request is halted.
 * @throws {UsageError} outside of a request in a thread: on the loop there is nothing to block.
 *
 * @example
 * ```ts
 * // app.ts, mounted as JavaScript by wsgi({ module: "./app.js", provide: { query: (sql) => db.query(sql) } })
 * import type { WsgiApp } from "eddy/adapters/wsgi";
 * import { wait, work } from "eddy/wait";
 *
 * const app: WsgiApp = (environ, startResponse) => {
 *   const name = wait.call<string>("query", "select name from users limit 1");
 *   const [news, weather] = wait([
 *     work.fetch("http://127.0.0.1:9000/news"),
 *     work.fetch("http://127.0.0.1:9000/weather"),
 *   ]);
 *   startResponse("200 OK", [["content-type", "text/plain"]]);
 *   return [`Hello ${name}. ${news.text()} ${weather.text()}\n`];
 * };
 * export default app;
 * ```
 */
export const wait = Object.assign(waitFor, {
  sleep: (ms: number): void => waitFor(work.sleep(ms)),
  fetch: (url: string | URL, init?: FetchInit): Fetched =>
    waitFor(work.fetch(url, init)),
  call: <T = unknown>(name: string, ...args: unknown[]): T =>
    waitFor(work.call<T>(name, ...args)),
});

function waitFor<T>(work: Work<T>): T;
function waitFor<const T extends readonly Work<unknown>[]>(
  works: T,
): Results<T>;
function waitFor(asked: Work<unknown> | readonly Work<unknown>[]): unknown {
  if (channel === undefined)
    throw new UsageError(
      "wait() blocks, and on the loop everybody would wait: mount the application in threads, by wsgi({ module })",
    );
  const works = Array.isArray(asked) ? asked : [asked as Work<unknown>];
  for (const one of works) checkWork(one);
  const values = channel.wait(works.map(({ data }) => data));
  const results = works.map(({ read }, i) => read(values[i]));
  return Array.isArray(asked) ? results : results[0];
}

/** A promise is of this thread, which does not turn its event loop while it waits. */
function checkWork(one: Work<unknown> | undefined): void {
  if (Array.isArray(one?.data)) return;
  throw new UsageError(
    `wait() takes what work.sleep(), work.fetch() or work.call() give, not ${inspect(one)}`,
  );
}

function fetched({ headers, body, ...rest }: FetchedData): Fetched {
  const text = (): string => Buffer.from(body.buffer).toString();
  return {
    ...rest,
    ok: rest.status >= 200 && rest.status < 300,
    headers: new Headers(headers),
    bytes: body,
    text,
    json: <T>() => JSON.parse(text()) as T,
  };
}
