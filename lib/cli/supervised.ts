/** What it takes a supervisor to do, and `--workers 0` therefore cannot. */
import { CommandFailure, EXIT } from "./failure.ts";
import { KEYS, type Key } from "./schema.ts";
import { isGiven, type Configuration } from "./settings.ts";

/** With the values of each that ask for nothing. */
const OF_WORKERS: Partial<Record<Key, readonly unknown[]>> = {
  workerTimeout: [0, Infinity],
  maxRequests: [0],
  maxRss: [Infinity],
  reload: [false],
};

/** @throws {CommandFailure} that names all settings which need one where there is none. */
export function checkSupervised({ settings, resolved }: Configuration): void {
  if (settings.workers !== 0) return;
  const given = KEYS.filter(
    (key) =>
      isGiven(resolved[key]) &&
      OF_WORKERS[key]?.includes(settings[key]) === false,
  ).map((key) => `${key} (${resolved[key].source})`);
  if (given.length > 0)
    throw new CommandFailure(
      EXIT.usage,
      `--workers 0 has no supervisor that could end a worker or start another: ${given.join(", ")} needs one; ` +
        "leave it out, or give --workers 1",
    );
}
