/** A worker as the supervisor sees it: its process, its last report, and its end. */
import type { ChildProcess } from "node:child_process";
import type { Socket } from "node:net";
import { constants } from "node:os";
import {
  race,
  resource,
  sleep,
  withResolvers,
  type Operation,
  type WithResolvers,
} from "effection";
import type { Address, CloseLimits, RouteFigures, Tally } from "../index.ts";
import { MAX_TIMER_MS } from "../common/checked-options.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { bytesOf, Outbox } from "../brokers/outbox.ts";
import type { Chunk } from "../engine/message.ts";
import { INTERVALS } from "./intervals.ts";
import type {
  Answers,
  FromWorker,
  LastReport,
  Orders,
  ProfileOrder,
  Question,
  Report,
  ToWorker,
} from "./messages.ts";
import { isRunning } from "./worker-fork.ts";

type WorkerState = "starting" | "ready" | "closing";

/** How a worker ended. */
export interface WorkerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What it reported before, if it could. */
  readonly failure?: WorkerFailure | undefined;
}

interface WorkerFailure {
  readonly message: string;
  readonly exitCode: number;
}

/** An unexpected end, as the operator reads it. */
export function failureOf({
  code,
  signal,
  failure,
}: WorkerExit): CommandFailure {
  const { exitCode, message } = failure ?? {
    exitCode: EXIT.failed,
    message:
      signal === null
        ? `it ended with code ${code}`
        : `it was ended by ${signal}`,
  };
  return new CommandFailure(exitCode, message);
}

/** What is called on messages of a worker. */
interface WorkerEvents {
  reported?(worker: WorkerProcess): void;
  /** Somebody else than the supervisor has told it to end, and it waits for the order. */
  leaving?(worker: WorkerProcess): void;
  imported?(files: readonly string[], since: number): void;
  /** It publishes, or has sockets that have subscribed. */
  topic?(
    worker: WorkerProcess,
    message: Extract<FromWorker, { topic: string }>,
  ): void;
  /** It does not read: this is the first message that it has lost since it last did. */
  behind?(worker: WorkerProcess): void;
}

export class WorkerProcess {
  state: WorkerState = "starting";
  /** The latest of its reports. */
  report: Report | undefined;
  /** How many have come. */
  reports = 0;
  #reportedAt = performance.now();
  /** What it said at its end, if it could. */
  last: LastReport | undefined;
  /** By mount, of what it has reported. */
  readonly figures = new Map<string, RouteFigures>();
  /** Where it listens, once it does. */
  addresses: readonly Address[] = [];
  /** How long it may take to end: the defaults, until it reports its own. */
  closeLimits: CloseLimits = { requestsMs: 30_000, cleanupsMs: 20_000 };
  /** Requests after which it is to be replaced. */
  readonly maxRequests: number;
  readonly #startedAt = performance.now();
  /** It is ready, or was. */
  served = false;
  readonly #child: ChildProcess;
  readonly #events: WorkerEvents;
  readonly #ready = withResolvers<void>();
  readonly #stoppedListening = withResolvers<void>();
  readonly #ended = withResolvers<WorkerExit>();
  readonly #asked = new Map<number, (answer: unknown) => void>();
  #questions = 0;
  /** Resolved when it is there. */
  #profile: WithResolvers<void> | undefined;
  /** Connections on their way to it, in the order in which they were given. */
  readonly #given = new Map<number, Socket>();
  #gifts = 0;
  readonly #topics = new Outbox();
  #isBehind = false;
  /** Messages of topics that it has lost, because it did not read. */
  lost = 0;
  #failure: WorkerFailure | undefined;

  constructor(child: ChildProcess, maxRequests: number, events: WorkerEvents) {
    this.#child = child;
    this.maxRequests = maxRequests;
    this.#events = events;
    child.on("message", (message: FromWorker) => this.#hear(message));
    // Node's own, and not documented: a connection did not arrive, as the worker has no free file. Without us hearing
    // of it, it would wait for ever; which one it was, we know, because Node sends one after the other.
    child.on("internalMessage", ({ cmd }: { cmd?: string }) => {
      const [first] = this.#given.keys();
      if (cmd === "NODE_HANDLE_NACK" && first !== undefined) this.#taken(first);
    });
    // Behind all that it has sent. Its "exit" may come before that.
    child.on("close", (code: number | null, signal: NodeJS.Signals | null) =>
      this.#ended.resolve({ code, signal, failure: this.#failure }),
    );
    child.on("error", (error) => {
      this.#failure ??= { message: error.message, exitCode: 1 };
      if (child.pid === undefined)
        this.#ended.resolve({
          code: null,
          signal: null,
          failure: this.#failure,
        });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get alive(): boolean {
    return isRunning(this.#child);
  }

  /** It serves. */
  get ready(): Operation<void> {
    return this.#ready.operation;
  }

  get tally(): Partial<Tally> {
    return (this.last ?? this.report)?.tally ?? {};
  }

  /** How long ago its last report came, or, before there is one, how long ago it was started. */
  get lastReportMs(): number {
    return Math.round(performance.now() - this.#reportedAt);
  }

  get ageMs(): number {
    return Math.round(performance.now() - this.#startedAt);
  }

  get ended(): Operation<WorkerExit> {
    return this.#ended.operation;
  }

  /** Done when it takes no new connections, or is late with it: it is stuck. */
  *stoppedListening(): Operation<void> {
    const limit = sleep(Math.min(this.closeLimits.requestsMs, MAX_TIMER_MS));
    yield* race([this.#stoppedListening.operation, this.ended, limit]);
  }

  tell(message: ToWorker): void {
    if (this.#child.connected) this.#child.send(message);
  }

  /**
   * Hands on what another worker has published. Beyond what may be on its way to one that does not read, it loses that:
   * nobody else waits for it.
   */
  publish(topic: string, message: Chunk): void {
    if (!this.#child.connected) return;
    const bytes = bytesOf(topic, message);
    if (!this.#topics.take(bytes)) {
      this.lost++;
      if (!this.#isBehind) this.#events.behind?.(this);
      this.#isBehind = true;
      return;
    }
    const order: ToWorker = { type: "published", topic, message };
    this.#child.send(order, undefined, {}, () => {
      this.#topics.release(bytes);
      if (this.#topics.isEmpty) this.#isBehind = false;
    });
  }

  /**
   * Ends it by a message or, while it starts and does not listen yet, by a signal. One that is stopped goes on first.
   */
  close(message: ToWorker): void {
    if (this.state === "starting") this.kill("SIGTERM");
    else this.tell(message);
    this.state = "closing";
    this.resume();
  }

  /** Lets it go on if it was stopped. Windows has no such thing. */
  resume(): void {
    if ("SIGCONT" in constants.signals) this.kill("SIGCONT");
  }

  /** Hands over a connection. It stays open here until the worker has taken it. */
  give(socket: Socket): void {
    const id = ++this.#gifts;
    this.#given.set(id, socket);
    const message: ToWorker = { type: "connection", id };
    const ignore = (): void => {}; // what cannot be sent stays untaken
    this.#child.send(message, socket, { keepOpen: true }, ignore);
  }

  /** Connections that it was given, and that nobody has read from. */
  get untaken(): ReadonlyMap<number, Socket> {
    return this.#given;
  }

  /** Lets go of it. */
  #taken(id: number): void {
    this.#given.get(id)?.destroy();
    this.#given.delete(id);
  }

  /** It takes a profile: what holds its loop is that, and its end waits for it. */
  get isProfiled(): boolean {
    return this.#profile !== undefined;
  }

  /** Done as soon as nobody takes a profile of it. */
  *unprofiled(): Operation<void> {
    if (this.#profile !== undefined) yield* this.#profile.operation;
  }

  /** As `ask`. One at a time. */
  *profile(order: ProfileOrder): Operation<Answers["profile"] | undefined> {
    const profile = withResolvers<void>();
    this.#profile = profile;
    const limitMs = order.ms + INTERVALS.profileMs;
    try {
      return yield* this.ask({ about: "profile", order }, limitMs);
    } finally {
      this.#profile = undefined;
      profile.resolve();
    }
  }

  /** Undefined when it ends before it answers, or is stuck. It does as asked even then, as soon as it can. */
  *ask<Q extends Question>(
    question: Q,
    limitMs = INTERVALS.workerAnswerMs,
  ): Operation<Answers[Q["about"]] | undefined> {
    const answered = withResolvers<void>();
    let answer: unknown;
    const id = ++this.#questions;
    this.#asked.set(id, (given) => {
      answer = given;
      answered.resolve();
    });
    this.tell({ type: "ask", id, question });
    try {
      yield* race([answered.operation, this.ended, sleep(limitMs)]);
      return answer as Answers[Q["about"]] | undefined;
    } finally {
      this.#asked.delete(id);
    }
  }

  kill(signal: NodeJS.Signals): void {
    if (this.alive) this.#child.kill(signal);
  }

  #note(figures: readonly RouteFigures[]): void {
    for (const one of figures) this.figures.set(one.mount, one);
  }

  #hear(message: FromWorker): void {
    switch (message.type) {
      case "ready":
        if (this.state === "starting") this.state = "ready";
        this.served = true;
        this.addresses = message.addresses;
        this.closeLimits = message.closeLimits;
        return this.#ready.resolve();
      case "publish":
      case "subscribe":
      case "unsubscribe":
        return this.#events.topic?.(this, message);
      case "taken":
        return this.#taken(message.id);
      case "stoppedListening":
        return this.#stoppedListening.resolve();
      case "leaving":
        return this.#events.leaving?.(this);
      case "failed":
        this.#failure = message;
        return;
      case "report":
        this.report = message.report;
        this.#note(message.report.figures);
        this.reports++;
        this.#reportedAt = performance.now();
        return this.#events.reported?.(this);
      case "last":
        this.last = message.report;
        return this.#note(message.report.figures);
      case "imported":
        return this.#events.imported?.(message.files, message.since);
      case "answer":
        this.#asked.get(message.id)?.(message.answer);
    }
  }
}

/**
 * Gives a worker its orders. It is killed at the end of the scope if it still runs.
 *
 * @param start gives its process.
 * @throws {CommandFailure} when the process cannot be started.
 */
export function useWorkerProcess(
  orders: Orders,
  start: () => ChildProcess,
  maxRequests: number,
  events: WorkerEvents,
): Operation<WorkerProcess> {
  return resource(function* (provide) {
    const worker = new WorkerProcess(start(), maxRequests, events);
    worker.tell({ type: "start", orders });
    try {
      yield* provide(worker);
    } finally {
      worker.kill("SIGKILL");
      yield* worker.ended;
    }
  });
}
