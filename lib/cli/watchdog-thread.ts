/** The thread of the watchdog. See watchdog.ts. */
import { Session } from "node:inspector/promises";
import { setTimeout } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { openLogs } from "./logs.ts";
import { RUNNING, type WatchdogData } from "./watchdog.ts";

const { beat, settings } = workerData as WatchdogData;

/** Evaluated in the thread that is stuck, on top of what it does: so the stack tells what that is. */
const LOOK = `({
  stack: new Error().stack.split("\\n").slice(2, 12).map((line) => line.trim()),
  running: globalThis[Symbol.for("${RUNNING}")]().slice(0, 20),
})`;

interface Sight {
  stack: string[];
  running: string[];
}

/** How long a look may take. In native code the thread is not to be asked. */
const LOOK_MS = 1000;

await evaluate("0"); // a first connection can only be made while the other thread turns; with it, later ones work
parentPort!.postMessage("watching");

for (const counter = new Uint32Array(beat); ;) {
  const before = counter[0];
  await setTimeout(settings.workerTimeout);
  if (counter[0] === before) await end();
}

async function end(): Promise<void> {
  const sight = (await evaluate(LOOK)) as Sight | undefined;
  const { log, flush } = openLogs(settings);
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
  flush();
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
