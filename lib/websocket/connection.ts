/**
 * One socket as a task of the loop. It is over when both have ended: the connection, and what runs for it.
 *
 *     open ──handler returns, throws──► closed by us ─┐
 *     open ──client leaves, drain─────► closed ───────┴─► over, at the latest after closeTimeoutMs
 */
import type { Operation, Scope } from "effection";
import { SocketClosedError } from "../common/errors.ts";
import type { Logger } from "../common/log.ts";
import {
  fork,
  type Fork,
  type ForkOwner,
  type Settle,
} from "../kernel/fork.ts";
import { viewFork, type TaskView } from "../kernel/tree.ts";
import { isOperation } from "../operations/is-operation.ts";
import type { GatewayRequest } from "../request/request.ts";
import { Channel, type SocketOwner } from "./channel.ts";
import type { PlaceCounts } from "./counts.ts";
import type { Place } from "./place.ts";
import { Socket } from "./socket.ts";
import type { Surplus } from "./surplus.ts";
import type { Upgrade } from "./upgrade.ts";
import type { WebSocketSettings } from "./options.ts";

/** Whose sockets they are. */
export interface Surroundings {
  readonly scope: Scope;
  readonly surplus: Surplus;
  subscribed(place: Place, topic: string): void;
  unsubscribed(place: Place, topic: string): void;
  /** It has closed, and what runs for it has gone on for `closeTimeoutMs`. */
  late(connection: Connection): void;
  over(connection: Connection): void;
}

/** What it was before. */
export interface Origin {
  readonly request: GatewayRequest;
  /** Where the contexts are that its handler has set, if there are any. */
  readonly contexts: Scope | undefined;
}

/** What a socket is doing. */
export interface SocketView extends TaskView {
  readonly id: string;
  /** Address of the client, as `request.remoteAddress` has it. */
  readonly client: string;
  /** Of its request, as it was sent, without `?`. */
  readonly query: string;
  /** What it has subscribed to: the first twenty. */
  readonly topics: readonly string[];
}

const TOPICS_SHOWN = 20;

export class Connection implements SocketOwner, ForkOwner {
  readonly channel = new Channel(this);
  readonly request: GatewayRequest;
  readonly contexts: Scope | undefined;
  readonly place: Place;
  readonly #all: Surroundings;
  readonly #upgrade: Upgrade;
  readonly #log: Logger;
  readonly #since = performance.now();
  #task: Fork | undefined;
  #isRunning = true;
  #isOpen = true;
  #limit: NodeJS.Timeout | undefined;

  constructor(
    all: Surroundings,
    place: Place,
    upgrade: Upgrade,
    { request, contexts }: Origin,
  ) {
    this.#all = all;
    this.place = place;
    this.#upgrade = upgrade;
    this.request = request;
    this.contexts = contexts;
    this.#log = request.log;
  }

  get settings(): WebSocketSettings {
    return this.place.settings;
  }

  get counts(): PlaceCounts {
    return this.place.counts;
  }

  get surplus(): Surplus {
    return this.#all.surplus;
  }

  subscribed(topic: string): void {
    this.#all.subscribed(this.place, topic);
  }

  unsubscribed(topic: string): void {
    this.#all.unsubscribed(this.place, topic);
  }

  /** Starts what it does, where the reply was made. */
  start(): void {
    const { run, protocol, context } = this.#upgrade;
    const socket = new Socket(this.request, protocol, this.channel);
    context.runInAsyncScope(() => {
      try {
        this.#follow(run(socket));
      } catch (error) {
        this.#settled("error", error);
      }
    });
  }

  /** Nobody asks for what it sets. */
  began(): void {}

  #follow(result: ReturnType<Upgrade["run"]> | void): void {
    if (typeof result !== "object") return this.#settled("value", undefined);
    if (isOperation(result))
      this.#task = fork(
        this.#all.scope,
        () => result as Operation<void>,
        this.#settled,
        this,
      );
    else
      result.then(
        () => this.#settled("value", undefined),
        (error: unknown) => this.#settled("error", error),
      );
  }

  readonly #settled: Settle = (state, value) => {
    if (!this.#isRunning) return; // an async function that nobody waits for any more
    this.#isRunning = false;
    const { close, connection } = this.channel;
    const failed = state === "error" && !isClosed(value, this.channel);
    if (failed) this.#log.error({ err: value }, `${this.#line} failed`);
    if (close === undefined)
      connection!.end(failed ? 1011 : state === "halted" ? 1001 : 1000, "");
    this.#endIfOver();
  };

  /** The connection is gone. */
  closed(): void {
    this.#isOpen = false;
    if (this.#isRunning)
      this.#limit = setTimeout(
        () => this.#all.late(this),
        this.settings.closeTimeoutMs,
      );
    this.#endIfOver();
  }

  /** The loop is about to end. False: it has closed already. */
  goAway(): boolean {
    if (!this.#isOpen) return false;
    this.channel.connection!.end(1001, "");
    return true;
  }

  /** Ends its task. An async function cannot be ended, and is left to itself. */
  halt(): void {
    if (this.#task !== undefined) this.#task.interrupt();
    else this.#settled("halted", undefined);
  }

  #endIfOver(): void {
    if (this.#isOpen || this.#isRunning) return;
    clearTimeout(this.#limit);
    this.channel.abandon();
    this.#all.over(this);
  }

  view(): SocketView {
    const task = viewFork(this.#task);
    return {
      id: this.request.id,
      name: this.#line,
      client: this.request.remoteAddress,
      query: this.request.queryString,
      topics: [...this.channel.topics].slice(0, TOPICS_SHOWN),
      waitsFor: task?.waitsFor ?? "the handler's promise",
      ageMs: Math.round(performance.now() - this.#since),
      children: task?.children ?? [],
    };
  }

  get #line(): string {
    return `WebSocket ${this.request.mountPath}${this.request.path}`;
  }
}

/** The usual end of a handler whose client has left. */
const isClosed = (error: unknown, { close }: Channel): boolean =>
  close !== undefined && error instanceof SocketClosedError;
