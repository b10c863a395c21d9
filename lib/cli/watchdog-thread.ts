/** The thread of the watchdog. See watchdog.ts. */
import { Session } from "node:inspector/promises";
import { setTimeout } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { openLogs } from "./logs.ts";
import { WATCHED, WORD, type Sight, type WatchdogData } from "./watchdog.ts";

const { words, settings } = workerData as WatchdogData;
const watched = `globalThis[Symbol.for("${WATCHED}")]`;

/** Evaluated in the thread that is stuck, on top of what it does: so the stack tells what that is. */
const TELL = `${watched}.tell()`;
const LOOK = `${watched}.look()`;

/** How long a look may take. In native code the thread is not to be asked. */
const LOOK_MS = 1000;

await evaluate("0"); // a first connection can only be made while the other thread turns; with it, later ones work
parentPort!.postMessage("watching");
await watch(new Uint32Array(words));

/** It looks twice in the time that is too long: what holds the loop is seen before it lets go, and is told once. */
async function watch(counter: Uint32Array): Promise<never> {
  let before: number | undefined;
  for (let stillMs = 0; ;) {
    const periodMs = Math.ceil(counter[WORD.limitMs]! / 2);
    await setTimeout(periodMs);
    const beats = Atomics.load(counter, WORD.beats);
    stillMs = beats === before ? stillMs + periodMs : 0;
    before = beats;
    if (stillMs === periodMs) await evaluate(TELL);
    if (stillMs >= settings.workerTimeout) await end();
  }
}

async function end(): Promise<void> {
  const sight = (await evaluate(LOOK)) as Sight | undefined;
  const { log } = openLogs(settings);
  const { stack, running } = sight ?? { stack: [], running: [] };
  const what =
    sight === undefined
      ? "it is in native code"
      : running.length === 0
        ? "no request runs"
        : `it runs ${running.join(", ")}`;
  log.fatal(
    { stack },
    `the event loop has not turned for ${settings.workerTimeout} ms; ${what}; the worker is ended`,
  );
  process.kill(process.pid, "SIGKILL");
}

/** In the main thread. Undefined: it does not answer. Connected no longer than needed: an exit would wait for us. */
async function evaluate(expression: string): Promise<unknown> {
  const session = new Session();
  session.connectToMainThread();
  const answer = session.post("Runtime.evaluate", {
    expression,
    returnByValue: true,
  });
  const limit = setTimeout(LOOK_MS); // keeps this thread alive, too
  const given = await Promise.race([answer, limit]);
  session.disconnect();
  return given?.result.value;
}
