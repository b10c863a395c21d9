/** A process without workers, as its own status sees it: the only one that serves. */
import { until, type Operation } from "effection";
import type { Address, Loop, RouteFigures, Tally } from "../index.ts";
import type { LoopRequests } from "./loop-requests.ts";
import type {
  Answers,
  FromWorker,
  ProfileOrder,
  Question,
  Report,
} from "./messages.ts";
import { answerOf, type Opened } from "./open-loop.ts";
import type { Settings } from "./schema.ts";
import type { Serving, Workers } from "./status.ts";

export class OwnProcess implements Serving, Workers {
  readonly pid = process.pid;
  readonly restarts = 0;
  readonly crashes = 0;
  readonly past = {};
  readonly pastFigures = [];
  readonly lastCrash = undefined;
  readonly lost = 0;
  readonly settings: Settings;
  readonly addresses: readonly Address[];
  /** By mount, of what it has reported. */
  readonly figures = new Map<string, RouteFigures>();
  report: Report | undefined;
  isProfiled = false;
  readonly #loop: Loop;
  readonly #requests: LoopRequests;
  #reportedAt = performance.now();

  constructor(
    { loop, addresses }: Opened,
    requests: LoopRequests,
    settings: Settings,
  ) {
    this.#loop = loop;
    this.addresses = addresses;
    this.#requests = requests;
    this.settings = settings;
  }

  hear(message: FromWorker): void {
    if (message.type !== "report") return;
    this.report = message.report;
    for (const one of message.report.figures) this.figures.set(one.mount, one);
    this.#reportedAt = performance.now();
  }

  get workers(): readonly Serving[] {
    return [this];
  }

  get ready(): readonly Serving[] {
    return [this];
  }

  get state(): Serving["state"] {
    return this.#loop.ready ? "ready" : "closing";
  }

  get ageMs(): number {
    return Math.round(process.uptime() * 1000);
  }

  get lastReportMs(): number {
    return Math.round(performance.now() - this.#reportedAt);
  }

  get tally(): Tally {
    return this.#requests.tally;
  }

  *ask<Q extends Question>(question: Q): Operation<Answers[Q["about"]]> {
    return yield* until(answerOf(this.#loop, UNWATCHED, question));
  }

  *profile(order: ProfileOrder): Operation<Answers["profile"]> {
    this.isProfiled = true;
    try {
      return yield* this.ask({ about: "profile", order });
    } finally {
      this.isProfiled = false;
    }
  }
}

/** Nobody sees that the loop stands still meanwhile. */
const UNWATCHED = { excuse: (work: () => void) => work() };
