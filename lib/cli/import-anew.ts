/**
 * Imports a file of the user's that has been imported before and may have changed, as may what it imports. Node.js
 * keeps modules until the end of their thread, so this takes a thread of its own.
 */
import { fileURLToPath } from "node:url";
import { MAX_TIMER_MS } from "../common/checked-options.ts";
import { SHARE_ENV, Worker } from "node:worker_threads";

const ENTRY = fileURLToPath(new URL("./import-thread.js", import.meta.url));

/**
 * Gives a module with a copy of the default export, which has to be data.
 *
 * @throws what the module throws, and when it takes longer than `limitMs`.
 */
export async function importAnew(
  path: string,
  limitMs: number,
): Promise<unknown> {
  const thread = new Worker(ENTRY, { workerData: path, env: SHARE_ENV });
  thread.unref(); // whoever ends does not wait for it
  const late = AbortSignal.timeout(Math.min(limitMs, MAX_TIMER_MS));
  try {
    return await new Promise((resolve, reject) => {
      thread.once("message", resolve);
      thread.once("error", reject);
      thread.once("exit", () => reject(new Error("it ends its thread")));
      late.addEventListener("abort", () =>
        reject(new Error(`it has not ended within ${limitMs} ms`)),
      );
    });
  } finally {
    await thread.terminate();
  }
}
