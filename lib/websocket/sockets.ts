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
import { headOf } from "../reply/head.ts";
import type { UpgradeReply } from "../reply/upgrade-reply.ts";
import { noSockets } from "./channel.ts";
import { Connection, type Origin, type SocketView } from "./connection.ts";
import { offeredProtocols } from "./handshake.ts";
import type { Place } from "./place.ts";
import type { Subscriptions } from "./subscriptions.ts";
import { Surplus } from "./surplus.ts";
import type { Upgrade } from "./upgrade.ts";

export class Sockets {
  readonly scope: Scope;
  readonly counts = noSockets();
  readonly surplus = new Surplus();
  /** Of all of them. Undefined where nobody brings messages from elsewhere. */
  subscriptions: Subscriptions | undefined;
  readonly #live = new Set<Connection>();
  #isClosing = false;
  readonly #whenNone = new WhenNone();

  constructor(scope: Scope) {
    this.scope = scope;
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
    if (place.open >= place.settings.maxSockets)
      throw new OverloadedError("too many sockets are open here");
    const head = { ...headOf({ headers }), ...SWITCHING };
    const connection = new Connection(this, place, upgrade, origin);
    const { settings: limits } = place;
    out.upgrade({ head, protocol, limits, events: connection.channel });
    if (connection.channel.connection === undefined) return false;
    this.#live.add(connection);
    place.open++;
    this.counts.open++;
    this.counts.opened++;
    connection.start();
    return true;
  }

  over(connection: Connection): void {
    if (!this.#live.delete(connection)) return;
    connection.place.open--;
    this.counts.open--;
    if (this.#live.size === 0) this.#whenNone.reached();
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
    const goAway = (connection: Connection): void => connection.goAway();
    const left = await spread([...this.#live], limitMs, hurry, goAway);
    left.forEach(goAway);
  }

  /** Ends the tasks that still run. */
  haltAll(): void {
    for (const connection of this.#live) connection.halt();
  }

  /** Resolves when none is left, or when `signal` fires. */
  untilNone(signal: AbortSignal): Promise<void> {
    return this.#whenNone.until(this.#live.size === 0, signal);
  }
}

const SWITCHING = { status: 101, statusLine: "101 Switching Protocols" };
