/** Asynchronous work that an application in a thread waits for: done on the loop, in a task of the request. */
import {
  all,
  sleep,
  until,
  useAbortSignal,
  type Operation,
} from "eddy/operations";
import { isOperation, UsageError } from "../../../lib/adapter.ts";
import type { WorkData } from "./protocol.ts";

/**
 * What a mount provides to its threads: functions that return a value, a promise or an operation. An operation is
 * halted when the client leaves; a promise goes on, and nobody waits for it.
 */
export type Provided = Readonly<Record<string, (...args: any[]) => unknown>>;

/** What `fetch` takes. */
export type FetchInit = Pick<
  RequestInit,
  "method" | "redirect" | "credentials" | "referrer"
> & {
  headers?: Record<string, string>;
  body?: string | Uint8Array;
};

/** A response that is complete, as it crosses. */
export interface FetchedData {
  readonly status: number;
  readonly statusText: string;
  readonly url: string;
  readonly headers: [name: string, value: string][];
  readonly body: Uint8Array;
}

/** Does works side by side, and tells what each came to, unless it is halted; the first that fails halts the others. */
export function* perform(
  works: readonly WorkData[],
  provided: Provided,
  answer: (values?: unknown[], error?: unknown) => void,
): Operation<void> {
  let values: unknown[];
  try {
    values =
      works.length === 1
        ? [yield* start(works[0]!, provided)]
        : yield* all(works.map((work) => start(work, provided)));
  } catch (error) {
    return answer(undefined, error ?? new Error(`thrown: ${error}`));
  }
  answer(values);
}

function start(
  [name, ...args]: WorkData,
  provided: Provided,
): Operation<unknown> {
  if (!Object.hasOwn(KINDS, name))
    throw new UsageError(`wait(): there is no work "${name}"`);
  return KINDS[name]!(provided, ...args);
}

type Kind = (provided: Provided, ...args: any[]) => Operation<unknown>;

const KINDS: Readonly<Record<string, Kind>> = {
  sleep: (_, ms: number) => sleep(ms),
  fetch: fetching,
  call: calling,
};

function* fetching(
  _: Provided,
  url: string,
  init: FetchInit,
): Operation<FetchedData> {
  const signal = yield* useAbortSignal();
  const response = yield* until(
    fetch(url, { ...(init as RequestInit), signal }),
  );
  const body = new Uint8Array(yield* until(response.arrayBuffer()));
  const { status, statusText, headers } = response;
  return { status, statusText, url: response.url, headers: [...headers], body };
}

function* calling(
  provided: Provided,
  name: string,
  ...args: unknown[]
): Operation<unknown> {
  if (!Object.hasOwn(provided, name))
    throw new UsageError(
      `wait.call("${name}"): the mount provides ${Object.keys(provided).join(", ") || "nothing"}; add it to \`provide\` of wsgi()`,
    );
  const result = provided[name]!(...args);
  if (isPromise(result)) return yield* until(result);
  if (typeof result !== "object" || result === null) return result;
  if (isOperation(result)) return yield* result;
  checkContents(name, result);
  return result;
}

/** Also those of other kinds, such as the queries of database libraries, which begin when somebody waits. */
function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as Promise<unknown> | null)?.then === "function";
}

/**
 * Structured clone makes an empty object of most classes that can be iterated.
 *
 * @throws {UsageError} when the contents of the value would be lost that way.
 */
function checkContents(name: string, value: object): void {
  if (!(Symbol.iterator in value)) return;
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return; // which may be large
  if (keepsContents(value)) return;
  throw new UsageError(
    `wait.call("${name}"): the function returned an object of class ${value.constructor.name}, whose contents do not cross into a thread; return plain data, such as an array of its entries`,
  );
}

/** Since Node.js 24 structured clone refuses some of the classes of which it made empty objects. */
function keepsContents(value: object): boolean {
  try {
    return Symbol.iterator in (structuredClone(value) as object);
  } catch {
    return false;
  }
}
