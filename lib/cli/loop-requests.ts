/** What a worker tells of the requests of its loop. */
import type { ApplicationStatus, Loop, Tally } from "../index.ts";
import type { ConnectionCounts } from "../engine/visits.ts";
import { noTally, type Shared } from "../exchange/shared.ts";
import { loopListens } from "../loop/command.ts";

/** Requests that are named. */
const NAMED = 20;

const NO_CONNECTIONS: ConnectionCounts = { open: 0, refused: 0, unserved: 0 };

/** None, until its loop listens. */
export class LoopRequests {
  #loop: Loop | undefined;
  #shared: Pick<Shared, "tally" | "latest" | "running"> | undefined;
  /** How many had come by the last report. */
  #known = 0;

  /** Those of this loop, which does not listen yet. */
  follow(loop: Loop): void {
    this.#loop = loop;
    loopListens.subscribe((message) => {
      const listens = message as { loop: Loop; requests: Shared };
      if (listens.loop === loop) this.#shared = listens.requests;
    });
  }

  /** Those that they are for, as far as these run. */
  get applications(): ApplicationStatus[] {
    return this.#loop?.applications() ?? [];
  }

  get connections(): ConnectionCounts {
    return this.#loop?.connections ?? NO_CONNECTIONS;
  }

  get tally(): Readonly<Tally> {
    return this.#shared?.tally ?? noTally();
  }

  get inFlight(): number {
    return this.#shared?.running().length ?? 0;
  }

  /**
   * Names those that run, and the latest of those that have come since the last report, also when it is answered: what
   * fails the process is often what a handler has left behind.
   */
  get suspects(): string[] {
    if (this.#shared === undefined) return [];
    const { tally, latest } = this.#shared;
    const all = new Set(this.#shared.running());
    if (latest !== undefined && tally.accepted > this.#known) all.add(latest);
    return [...all].slice(-NAMED).map((one) => {
      const { id, name } = one.view();
      return `${name} (${id})`;
    });
  }

  /** The supervisor knows of those that have come so far. */
  reported(): void {
    this.#known = this.tally.accepted;
  }
}
