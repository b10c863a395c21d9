/** The thread of the watchdog. See watchdog.ts. */
import { once } from "node:events";
import { Session } from "node:inspector/promises";
import { setTimeout } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { finishLines } from "../common/line-buffer.ts";
import { INTERVALS } from "./intervals.ts";
import type { Settings } from "./schema.ts";
import { WATCHED, WORD, type LoopSnapshot } from "./watchdog-words.ts";

const watched = `globalThis[Symbol.for("${WATCHED}")]`;

/** Evaluated in the thread that is stuck, on top of its stack, which shows what it does. */
const TELL = `${watched}.tell()`;
const LEAVE = `${watched}.leave()`;

await evaluate("0"); // the first connection needs a thread that is not stuck; later ones work anyway
const [settings] = (await once(parentPort!, "message")) as [Settings];
parentPort!.postMessage("watching");
await watch(new Uint32Array(workerData as SharedArrayBuffer));

/** Looks twice in the time that is too long, to see what holds the loop before it goes on; tells it once. */
async function watch(counter: Uint32Array): Promise<never> {
  let before: number | undefined;
  for (let stillMs = 0; ;) {
    const periodMs = Math.ceil(counter[WORD.limitMs]! / 2);
    await setTimeout(periodMs);
    const beats = Atomics.load(counter, WORD.beats);
    const isStill =
      beats === before && Atomics.load(counter, WORD.isMeant) === 0;
    stillMs = isStill ? stillMs + periodMs : 0;
    before = beats;
    if (stillMs === periodMs) await evaluate(TELL);
    if (stillMs >= settings.workerTimeout) await end();
  }
}

async function end(): Promise<void> {
  try {
    await report();
  } finally {
    process.kill(process.pid, "SIGKILL");
  }
}

async function report(): Promise<void> {
  const sight = (await evaluate(LEAVE)) as LoopSnapshot | undefined;
  const { openLogs } = await import("./logs.ts");
  const { stack, running } = sight ?? { stack: [], running: [] };
  const what =
    sight === undefined
      ? "it is in native code"
      : running.length === 0
        ? "no request runs"
        : `it runs ${running.join(", ")}`;
  openLogs(settings).log.fatal(
    { stack },
    `the event loop has not turned for ${settings.workerTimeout} ms; ${what}; the worker is ended`,
  );
  finishLines();
}

/** In the main thread. Undefined when it does not answer. A connection that stays open would hold up the exit. */
async function evaluate(expression: string): Promise<unknown> {
  const session = new Session();
  session.connectToMainThread();
  const answer = session.post("Runtime.evaluate", {
    expression,
    returnByValue: true,
  });
  const limit = setTimeout(INTERVALS.watchdogAnswerMs); // keeps this thread alive, too
  const given = await Promise.race([answer, limit]);
  session.disconnect();
  return given?.result.value;
}
