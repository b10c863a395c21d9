/** How late timers are: what a loop that is busy makes everybody wait. */
import { monitorEventLoopDelay } from "node:perf_hooks";

const RESOLUTION_MS = 20;

/** Milliseconds. */
export interface LoopDelay {
  readonly mean: number;
  readonly max: number;
}

/** Since it was last asked. Until `stop`. */
export class LoopDelayMeter {
  readonly #histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  start(): void {
    this.#histogram.enable();
  }

  take(): LoopDelay {
    const { mean, max } = this.#histogram;
    this.#histogram.reset();
    return { mean: late(mean), max: late(max) };
  }

  stop(): void {
    this.#histogram.disable();
  }
}

/** The histogram includes the wait itself, and is NaN before its first value. */
const late = (nanoseconds: number): number =>
  Math.max(0, Math.round((nanoseconds / 1e6 - RESOLUTION_MS) * 100) / 100) || 0;
