/** `--traces`: what makes them, for the loops of this process. */
import { race, resource, sleep, until, type Operation } from "effection";
import type { LoopOptions } from "../index.ts";
import { loopOptions } from "../loop/command.ts";
import type { Traces } from "../traces/trace.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { INTERVALS } from "./intervals.ts";
import type { Settings } from "./schema.ts";

/** Loops that are made from now on have them, unless the application says otherwise. At the end the last ones leave. */
export function useTraces({
  traces: ratio,
}: Pick<Settings, "traces">): Operation<void> {
  return resource(function* (provide) {
    if (ratio === 0) return yield* provide();
    const traces = yield* until(load(ratio));
    const give = (options: unknown): void =>
      void ((options as LoopOptions).traces ??= traces);
    loopOptions.subscribe(give);
    try {
      yield* provide();
    } finally {
      loopOptions.unsubscribe(give);
      yield* race([until(traces.flush()), sleep(INTERVALS.flushMs)]);
    }
  });
}

async function load(ratio: number): Promise<Traces> {
  try {
    const { openTelemetry } = await import("../traces/opentelemetry.ts");
    return openTelemetry({ ratio });
  } catch (cause) {
    throw new CommandFailure(
      EXIT.usage,
      `traces need the package @opentelemetry/api: ${(cause as Error).message}`,
      { cause },
    );
  }
}
