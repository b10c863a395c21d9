/**
 * Applications that do what is only allowed in threads, and what is allowed nowhere. What they come to is in the log.
 */
import { threadId } from "node:worker_threads";
import type { Environ, WsgiApp } from "../../../../adapters/wsgi/types.ts";
import { wait, work } from "../../../../adapters/wsgi/wait.ts";
import { HttpError } from "../../../../lib/common/errors.ts";

const TEXT: [string, string] = ["content-type", "text/plain"];

/** Answers with what `answer` makes of the request, as JSON. */
function answering(answer: (environ: Environ) => unknown): WsgiApp {
  return (environ, start) => {
    const body = JSON.stringify(answer(environ) ?? null);
    start("200 OK", [TEXT]);
    return [body];
  };
}

function note({ "eddy.request": { log } }: Environ, what: string): void {
  log.info({ note: true }, what);
}

/** What `act` throws is noted, and thrown on. */
function noting(environ: Environ, act: () => unknown): unknown {
  note(environ, "begun");
  try {
    return act();
  } catch (error) {
    note(environ, `threw ${(error as Error).name}`);
    throw error;
  }
}

export const hello = answering(() => "hello");
export const thread = answering(() => threadId);
export const sleep = answering(() => wait.sleep(1));
export const fetches = answering(({ QUERY_STRING: url }) => {
  const { status, ok, headers, json } = wait.fetch(url);
  return { status, ok, type: headers.get("content-type"), json: json() };
});
export const posts = answering(({ QUERY_STRING: url }) =>
  wait.fetch(url, { method: "POST", body: "sent" }).text(),
);
export const calls = answering(({ QUERY_STRING }) =>
  wait.call(...(JSON.parse(decodeURIComponent(QUERY_STRING)) as [string])),
);
export const callsMany = answering(() =>
  wait([work.call("double", 1), work.call("double", 2), work.sleep(1)]),
);
export const catches = answering(({ QUERY_STRING: name }) => {
  try {
    return wait.call(name);
  } catch (error) {
    const { name, message, stack, code } = error as NodeJS.ErrnoException;
    return { name, message, stack, code, isError: error instanceof Error };
  }
});
let kept: unknown;
/** Throws in each request what the first one caught. */
export const throwsWhatItKept = answering(() => {
  try {
    if (kept === undefined) wait.call("fail");
  } catch (error) {
    kept = error;
  }
  throw kept;
});
export const waitsForPromise = answering(() =>
  wait(Promise.resolve(1) as never),
);
export const callsAnother = answering(() => wait.call("nothing"));

/** Blocks for ever, in each way there is. */
export const reads = answering((environ) =>
  noting(environ, () => environ["wsgi.input"].read()),
);
export const waits = answering((environ) =>
  noting(environ, () => wait.call("forever")),
);
export const spins = answering((environ) => {
  note(environ, "begun");
  for (;;);
});

export const streams: WsgiApp = (environ, start) => {
  start("200 OK", [TEXT]);
  const chunks = function* (): Generator<string> {
    note(environ, "begun");
    try {
      for (;;) yield "tick\n".repeat(10_000);
    } finally {
      note(environ, "finally");
    }
  };
  const iterator = chunks();
  return {
    [Symbol.iterator]: () => iterator,
    close: () => note(environ, "closed"),
  };
};

export const ticks: WsgiApp = function* (_, start) {
  start("200 OK", [TEXT]);
  for (;;) {
    yield "tick\n";
    wait.call("forever");
  }
};

/** Counts its chunks aloud. */
export const counted: WsgiApp = function* (environ, start) {
  start("200 OK", [TEXT]);
  const chunk = Buffer.alloc(64 * 1024);
  for (let i = 1; i <= 800; i++) {
    note(environ, String(i));
    yield chunk;
  }
};

export const failsInClose: WsgiApp = (_, start) => {
  start("200 OK", [TEXT]);
  return Object.assign(["a", "b".repeat(1_000_000)], {
    close() {
      throw new Error("on purpose");
    },
  });
};

export const exits = answering(() => process.exit(3));
export const exitsWhenAsked = answering(({ QUERY_STRING }) =>
  QUERY_STRING === "exit" ? process.exit(3) : threadId,
);
export const failsLater = answering(() => {
  setTimeout(() => {
    throw new Error("on purpose");
  });
  return threadId;
});
/** Keeps its thread, once, from the next turn of the thread's event loop on. */
let hasBlocked = false;
export const blocksLater = answering(() => {
  if (!hasBlocked) setTimeout(sleepInPlace, 0, 100);
  hasBlocked = true;
});

/** Keeps its thread for ever, from the end of the request on: before any other is heard of. */
export const spinsLater = answering(() => {
  queueMicrotask(() => {
    for (;;);
  });
  return threadId;
});
export const spinsAtItsEnd = answering(() => {
  process.once("exit", () => {
    for (;;);
  });
  return threadId;
});

let blocked = 0;
export const blocks = answering((environ) => {
  blocked++;
  note(environ, "begun");
  sleepInPlace(200);
});
const naps = answering(() => sleepInPlace(5));
export const hasBlockedTimes = answering(() => blocked);

function sleepInPlace(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

export const grows = answering(() => {
  const kept: unknown[] = [];
  for (;;) kept.push(Array(10_000).fill(kept.length));
});
export const refuses = answering(() => {
  throw new HttpError(418, "short and stout", { headers: { "x-kind": "tea" } });
});
export const throwsOddly = answering(() => {
  throw { odd: true }; // oxlint-disable-line no-throw-literal
});
export const prints = answering(() => console.log("printed %d", 5));
export const looks = answering((environ) => {
  const { method, path, queryString, headers } = environ["eddy.request"];
  return [method, path, queryString, headers.get("x-sent")];
});
export const asksForMore = answering(
  (environ) => environ["eddy.request"].signal,
);
export const multiprocess = answering((environ) => [
  environ["wsgi.multithread"],
  environ["wsgi.multiprocess"],
]);

/** Reads what there is, answers it, and reads on. */
export const echoesAsItComes: WsgiApp = function* (environ, start) {
  start("200 OK", [TEXT]);
  for (const line of environ["wsgi.input"]) yield line;
};

export const hashes = answering(({ "wsgi.input": input }) => {
  let bytes = 0;
  let sum = 0;
  for (let piece = input.read(65_536); piece.length > 0;) {
    bytes += piece.length;
    sum = (sum + piece[0]! + piece.at(-1)!) % 65_521;
    piece = input.read(65_536);
  }
  return { bytes, sum };
});

/** A head of its own for each query; a body in one piece or in several, as text or as bytes. */
export const inManyForms: WsgiApp = ({ QUERY_STRING: query }, start) => {
  start("200 OK", [["content-type", `text/${query}`]]);
  if (query.startsWith("s")) return ["in ", "two"];
  return [query.startsWith("b") ? Buffer.from([0xff, 0]) : "whole"];
};

/** Its first body is gone before it could be sent. */
let hasFailed = false;
export const failsToSend: WsgiApp = (_, start) => {
  start("200 OK", [["content-type", "text/late"]]);
  const bytes = new Uint8Array(4);
  if (!hasFailed) structuredClone(bytes, { transfer: [bytes.buffer] });
  hasFailed = true;
  return [bytes];
};

/** Writes to the log of its request when that is over. */
export const notesTooLate: WsgiApp = (environ, start) => {
  setImmediate(() => note(environ, "too late"));
  start("200 OK", []);
  return ["done"];
};

export const notAnApplication = 5;

const BY_PATH: Record<string, WsgiApp> = {
  "/hello": hello,
  "/waits": waits,
  "/ticks": ticks,
  "/streams": streams,
  "/reads": reads,
  "/spins": spins,
  "/blocks": blocks,
  "/blocked": hasBlockedTimes,
  "/naps": naps,
  "/exits": exits,
  "/fails-later": failsLater,
};

export const byPath: WsgiApp = (environ, start) =>
  BY_PATH[environ.PATH_INFO]!(environ, start);
