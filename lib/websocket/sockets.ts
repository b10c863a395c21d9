/** The sockets of a loop: how a connection becomes one, how many there are, and how all of them end. */
import type { Scope } from "effection";
import {
  DrainedError,
  OverloadedError,
  UpgradeRequiredError,
  UsageError,
} from "../common/errors.ts";
import { spread } from "../common/hurry.ts";
import { WhenNone } from "../common/when-none.ts";
import type { Outlet } from "../engine/engine.ts";
import type { Chunk } from "../engine/message.ts";
import { headOf } from "../reply/head.ts";
import type { UpgradeReply } from "../reply/upgrade-reply.ts";
import type { Channel } from "./channel.ts";
import { Connection, type Origin, type SocketView } from "./connection.ts";
import { addCounts, bytesOf, type SocketCounts } from "./counts.ts";
import { offeredProtocols } from "./handshake.ts";
import type { Place } from "./place.ts";
import type { Bringer } from "./subscriptions.ts";
import { Surplus } from "./surplus.ts";
import type { Upgrade } from "./upgrade.ts";

/** What became of sockets in a drain. */
export interface DrainedSockets {
  /** Those that were open, and were closed with 1001. */
  readonly closed: number;
  /** Those whose handlers still ran after `closeTimeoutMs` or `drainTimeoutMs`, and were halted. */
  readonly halted: number;
}

export class Sockets {
  readonly scope: Scope;
  readonly surplus = new Surplus();
  /** Undefined where nobody brings messages from elsewhere. */
  bringer: Bringer | undefined;
  /** Published messages that have not got to the sockets of other processes. */
  lost = 0;
  /** Where there have been any. */
  readonly #places: Place[] = [];
  readonly #live = new Set<Connection>();
  #isClosing = false;
  /** How many were closed since. */
  #closed = 0;
  /** And which were halted. */
  readonly #halted = new Set<Connection>();
  readonly #whenNone = new WhenNone();

  constructor(scope: Scope) {
    this.scope = scope;
  }

  /** The sums of all places. */
  get counts(): SocketCounts {
    const { lost } = this;
    return { ...addCounts(this.#places.map(({ counts }) => counts)), lost };
  }

  get drained(): DrainedSockets {
    return { closed: this.#closed, halted: this.#halted.size };
  }

  /**
   * Makes the connection of a request a socket, and starts its task. False: the client has left meanwhile.
   *
   * @throws {UsageError} where none can be had, or with a protocol that the client does not offer.
   * @throws {UpgradeRequiredError} where the engine has none.
   * @throws {OverloadedError | DrainedError}
   */
  accept(
    reply: UpgradeReply,
    origin: Origin,
    out: Outlet,
    place: Place | undefined,
  ): boolean {
    const upgrade = reply as Upgrade;
    const { protocol, headers } = upgrade;
    if (place === undefined)
      throw new UsageError(
        "upgrade() is a reply of loop.websocket(), or below a mount with the option `websocket`",
      );
    if (protocol !== "" && !offeredProtocols(origin.request).includes(protocol))
      throw new UsageError(
        `upgrade() agrees upon "${protocol}", which the client does not offer`,
      );
    if (out.upgrade === undefined) throw new UpgradeRequiredError();
    if (this.#isClosing) throw new DrainedError();
    const { counts } = place;
    if (counts.open >= place.settings.maxSockets)
      throw new OverloadedError("too many sockets are open here");
    const head = { ...headOf({ headers }), ...SWITCHING };
    const connection = new Connection(this, place, upgrade, origin);
    const { settings: limits } = place;
    out.upgrade({ head, protocol, limits, events: connection.channel });
    if (connection.channel.connection === undefined) return false;
    this.#live.add(connection);
    counts.open++;
    if (counts.opened++ === 0) this.#places.push(place);
    connection.start();
    return true;
  }

  over(connection: Connection): void {
    if (!this.#live.delete(connection)) return;
    connection.place.counts.open--;
    if (this.#live.size === 0) this.#whenNone.reached();
  }

  subscribed({ subscriptions, counts }: Place, topic: string): void {
    const isFirst = this.#hasNone(topic);
    counts.subscriptions++;
    subscriptions.add(topic);
    if (isFirst) this.bringer?.subscribe(topic);
  }

  unsubscribed({ subscriptions, counts }: Place, topic: string): void {
    counts.subscriptions--;
    subscriptions.remove(topic);
    if (this.#hasNone(topic)) this.bringer?.unsubscribe(topic);
  }

  #hasNone(topic: string): boolean {
    return this.#places.every(
      ({ subscriptions }) => subscriptions.of(topic) === 0,
    );
  }

  /** Counts what is about to be sent to all that have subscribed, but for one of them. */
  published(topic: string, message: Chunk, except: Channel | undefined): void {
    for (const { subscriptions, counts } of this.#places) {
      const others = except?.owner.counts === counts ? 1 : 0;
      const sockets = subscriptions.of(topic) - others;
      if (sockets === 0) continue;
      counts.sent += sockets;
      counts.sentBytes += sockets * bytesOf(message);
    }
  }

  /** Of the oldest, at most so many. */
  views(most: number): SocketView[] {
    const views: SocketView[] = [];
    for (const connection of this.#live) {
      if (views.length >= most) break;
      views.push(connection.view());
    }
    return views;
  }

  /** Ends the tasks of those that were upgraded from requests of an id, and how many there were. */
  halt(id: string): number {
    const ofThatId = [...this.#live].filter(({ request }) => request.id === id);
    for (const connection of ofThatId) connection.halt();
    return ofThatId.length;
  }

  /**
   * From now on there are no further ones. Those that are open are closed with 1001, one after the other within
   * `limitMs`; when `hurry` fires, all that are left.
   */
  async close(limitMs: number, hurry: AbortSignal): Promise<void> {
    this.#isClosing = true;
    const left = await spread([...this.#live], limitMs, hurry, this.#goAway);
    left.forEach(this.#goAway);
  }

  readonly #goAway = (connection: Connection): void => {
    if (connection.goAway()) this.#closed++;
  };

  /** Ends the tasks that still run. */
  haltAll(): void {
    for (const connection of this.#live) this.#halt(connection);
  }

  late(connection: Connection): void {
    if (this.#isClosing) this.#halt(connection);
    else connection.halt();
  }

  #halt(connection: Connection): void {
    this.#halted.add(connection);
    connection.halt();
  }

  /** Resolves when none is left, or when `signal` fires. */
  untilNone(signal: AbortSignal): Promise<void> {
    return this.#whenNone.until(this.#live.size === 0, signal);
  }
}

const SWITCHING = { status: 101, statusLine: "101 Switching Protocols" };
