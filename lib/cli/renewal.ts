/** Workers that have served enough are replaced. */
import { sleep, type Operation, type Scope } from "effection";
import type { Logger } from "../index.ts";
import { randomLifetime } from "../common/replacement.ts";
import { INTERVALS } from "./intervals.ts";
import type { Settings } from "./schema.ts";
import type { WorkerProcess } from "./worker-process.ts";

/** Requests of one worker. */
export function lifetime({
  maxRequests,
}: Pick<Settings, "maxRequests">): number {
  return randomLifetime(maxRequests === 0 ? Infinity : maxRequests);
}

interface RenewalsOptions {
  readonly settings: () => Settings;
  readonly log: Logger;
  /** False: the new one has failed. */
  replace(worker: WorkerProcess): Operation<boolean>;
}

export class Renewals {
  readonly #scope: Scope;
  readonly #options: RenewalsOptions;
  readonly #due = new WeakSet<WorkerProcess>();

  constructor(scope: Scope, options: RenewalsOptions) {
    this.#scope = scope;
    this.#options = options;
  }

  /** Has it served enough, by its last report? */
  weigh(worker: WorkerProcess): void {
    const { settings, log } = this.#options;
    const reason = why(worker, settings());
    if (reason === undefined || worker.state !== "ready") return;
    if (worker.isProfiled) return; // a snapshot takes memory; a later report says what is left of it
    if (this.#due.has(worker)) return;
    this.#due.add(worker);
    log.info(`worker ${worker.pid} is replaced: ${reason}`);
    this.#scope.run(() => this.#renew(worker));
  }

  /** If it still serves afterwards, its next report asks for it again. */
  *#renew(worker: WorkerProcess): Operation<void> {
    if (!(yield* this.#options.replace(worker)))
      yield* sleep(INTERVALS.renewalRetryMs);
    this.#due.delete(worker);
  }
}

function why(
  { report, maxRequests }: WorkerProcess,
  { maxRss }: Settings,
): string | undefined {
  const { tally, rss } = report!;
  if (tally.accepted >= maxRequests)
    return `it has had ${tally.accepted} requests`;
  if (rss > maxRss) return `it takes ${Math.round(rss / 1024 ** 2)} MiB`;
  return undefined;
}
