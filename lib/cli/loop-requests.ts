/** What a worker tells of the requests of its loop. */
import type {
  ApplicationStatus,
  Loop,
  RouteFigures,
  SocketCounts,
  Tally,
} from "../index.ts";
import type { ConnectionCounts } from "../engine/visits.ts";
import { noTally, type Shared } from "../exchange/shared.ts";
import { noSockets } from "../websocket/counts.ts";
import { loopListens } from "../loop/command.ts";

/** Requests that are named. */
const NAMED = 20;

const NO_CONNECTIONS: ConnectionCounts = { open: 0, refused: 0, unserved: 0 };

/** None, until its loop listens. */
export class LoopRequests {
  #loop: Loop | undefined;
  #shared:
    Pick<Shared, "tally" | "latest" | "inFlight" | "youngest"> | undefined;
  /** How many had come by the last report. */
  #known = 0;
  /** What was told of each mount by then. */
  readonly #told = new Map<string, string>();

  /** Those of this loop, which does not listen yet. */
  follow(loop: Loop): void {
    this.#loop = loop;
    loopListens.subscribe((message) => {
      const listens = message as { loop: Loop; requests: Shared };
      if (listens.loop === loop) this.#shared = listens.requests;
    });
  }

  /** Of those that run; undefined while there is no loop. */
  get names(): string[] | undefined {
    return this.#loop
      ?.tasks()
      .exchanges.map(({ id, name }) => `${name} (${id})`);
  }

  /** Those that they are for, as far as these run. */
  get applications(): ApplicationStatus[] {
    return this.#loop?.applications() ?? [];
  }

  get connections(): ConnectionCounts {
    return this.#loop?.connections ?? NO_CONNECTIONS;
  }

  get sockets(): Readonly<SocketCounts> {
    return this.#loop?.socketCounts ?? noSockets();
  }

  get tally(): Readonly<Tally> {
    return this.#shared?.tally ?? noTally();
  }

  get inFlight(): number {
    return this.#shared?.inFlight ?? 0;
  }

  /** Of the mounts of which there is something new since the last report. */
  get figures(): RouteFigures[] {
    const all = this.#loop?.figures() ?? [];
    return all.filter((one) => this.#told.get(one.mount) !== stateOf(one));
  }

  /**
   * Names those that run, and the latest of those that have come since the last report, also when it is answered: what
   * fails the process is often what a handler has left behind.
   */
  get suspects(): string[] {
    if (this.#shared === undefined) return [];
    const { tally, latest } = this.#shared;
    const all = new Set(this.#shared.youngest(NAMED));
    if (latest !== undefined && tally.accepted > this.#known) all.add(latest);
    return [...all].map((one) => {
      const { id, name } = one.view();
      return `${name} (${id})`;
    });
  }

  /** The supervisor knows of those that have come so far, by these figures. */
  reported(figures: readonly RouteFigures[]): void {
    this.#known = this.tally.accepted;
    for (const one of figures) this.#told.set(one.mount, stateOf(one));
  }
}

/** Differs when anything has been counted: sockets have messages without a request. */
const stateOf = ({ requests, sockets }: RouteFigures): string =>
  [requests, ...Object.values(sockets ?? {})].join(" ");
