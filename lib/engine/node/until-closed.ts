/** Waits for what ends by itself, or is ended. */
import { once, setMaxListeners, type EventEmitter } from "node:events";

/** Done when all of them have said "close", or when so many milliseconds are over. */
export async function untilClosed(
  those: readonly EventEmitter[],
  limitMs: number,
): Promise<void> {
  const signal = AbortSignal.timeout(limitMs);
  setMaxListeners(0, signal); // as many as there are of those, which Node would warn of
  await Promise.allSettled(those.map((it) => once(it, "close", { signal })));
}
