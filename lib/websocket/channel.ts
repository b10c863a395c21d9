/** What is between the engine and the handler of one socket: messages that wait, who waits for them, and the end. */
import { SocketClosedError } from "../common/errors.ts";
import type { SocketConnection, SocketEvents } from "../engine/socket.ts";
import type { WebSocketSettings } from "./options.ts";
import { UNIT } from "../kernel/effects.ts";
import type { Inbox, Message, Waiter } from "./reading.ts";
import type { PlaceCounts } from "./counts.ts";
import { Behind } from "./sending.ts";
import type { Surplus } from "./surplus.ts";

/** How a connection was closed (RFC 6455, section 7.4). */
export interface Close {
  /** 1005: its client gave none; 1006: without a close frame. */
  readonly code: number;
  readonly reason: string;
}

/** Whose socket it is. */
export interface SocketOwner {
  readonly settings: WebSocketSettings;
  /** Of all sockets of its place. */
  readonly counts: PlaceCounts;
  readonly surplus: Surplus;
  /** To a topic that it had not. */
  subscribed(topic: string): void;
  unsubscribed(topic: string): void;
  /** It has closed. */
  closed(channel: Channel): void;
}

/** Places for messages that a socket keeps when its queue is empty. */
const KEPT = 64;

/** Bytes that a message takes beside its own while it waits, by kind. Clients may send nothing but empty ones. */
const TEXT_BYTES = 48;
const BINARY_BYTES = 384;

const NO_TOPICS: ReadonlySet<string> = new Set();

export class Channel implements Inbox, SocketEvents {
  readonly owner: SocketOwner;
  connection: SocketConnection | undefined;
  /** How the connection was closed; undefined while it is open. */
  close: Close | undefined;
  /** Somebody wants to know of the client's signs of life. */
  onPong: (() => void) | undefined;
  /** What waits is from `#first` to `#end`. Nothing is cut off in front: to change the length of an array is dear. */
  #queue: Message[] = [];
  #first = 0;
  #end = 0;
  /** As {@link sizeOf} has it. */
  #queuedBytes = 0;
  /** Of those, what is beyond `maxQueuedBytes`. */
  #surplus = 0;
  #isPaused = false;
  /** It has been counted as one that was closed for it. */
  #isTooSlow = false;
  /** There is hardly ever more than one. */
  #waiter: Waiter | undefined;
  #others: Waiter[] | undefined;
  #behind: Behind | undefined;
  #topics: Set<string> | undefined;

  constructor(owner: SocketOwner) {
    this.owner = owner;
  }

  /** Until the client has taken some of what waits for it. */
  untilTaken(): Behind {
    return (this.#behind ??= new Behind());
  }

  /** What it has subscribed to. */
  get topics(): ReadonlySet<string> {
    return this.#topics ?? NO_TOPICS;
  }

  subscribe(topic: string): void {
    this.#topics ??= new Set();
    if (this.#topics.has(topic)) return;
    this.#topics.add(topic);
    this.owner.subscribed(topic);
    this.connection!.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    if (!this.#topics?.delete(topic)) return;
    this.connection!.unsubscribe(topic);
    this.owner.unsubscribed(topic);
  }

  // For `Reading`.

  get ready(): boolean {
    return this.#first < this.#end || this.close !== undefined;
  }

  take(): Message | undefined {
    if (this.#first === this.#end) return undefined;
    const message = this.#queue[this.#first]!;
    this.#queue[this.#first++] = "";
    this.#queuedBytes -= sizeOf(message);
    if (this.#surplus > 0) this.#countSurplus(this.#queuedBytes);
    if (this.#first === this.#end) this.#emptied();
    return message;
  }

  /** Places of what was taken, where those are most: a queue that is never empty would grow for ever. */
  #useAgain(): void {
    if (this.#first <= this.#end / 2) return;
    const waiting = this.#end - this.#first;
    this.#queue.copyWithin(0, this.#first, this.#end).fill("", waiting);
    this.#first = 0;
    this.#end = waiting;
  }

  #emptied(): void {
    this.#first = this.#end = 0;
    if (this.#queue.length > KEPT) this.#queue = [];
    if (!this.#isPaused || this.close !== undefined) return;
    this.#isPaused = false;
    this.connection!.resume();
  }

  wait(waiter: Waiter): void {
    if (this.#waiter === undefined) this.#waiter = waiter;
    else (this.#others ??= []).push(waiter);
  }

  leave(waiter: Waiter): void {
    if (this.#waiter === waiter) this.#waiter = this.#others?.shift();
    else this.#others = this.#others?.filter((other) => other !== waiter);
  }

  #wakeFirst(): void {
    const waiter = this.#waiter;
    if (waiter === undefined) return;
    this.#waiter = this.#others?.shift();
    waiter(UNIT);
  }

  // For the engine.

  opened(connection: SocketConnection): void {
    this.connection = connection;
  }

  received(data: ArrayBuffer | Uint8Array, isBinary: boolean): void {
    const message = isBinary ? copyOf(data) : text(data);
    const { counts, settings } = this.owner;
    counts.received++;
    counts.receivedBytes += data.byteLength;
    if (this.#end === this.#queue.length) this.#useAgain();
    this.#queue[this.#end++] = message;
    this.#queuedBytes += sizeOf(message);
    if (this.#queuedBytes > settings.maxQueuedBytes) this.#holdBack();
    this.#wakeFirst();
  }

  /** Each time: an engine goes on for what it has read already, and now and then reads to see who is there. */
  #holdBack(): void {
    if (this.close !== undefined) return;
    const isBeyond = this.owner.surplus.isUsedUp(this.#surplus); // before this message, which may be a long one
    this.#countSurplus(this.#queuedBytes);
    this.#isPaused = !isBeyond && this.connection!.pause();
    if (!this.#isPaused)
      this.connection!.end(1008, "more messages wait than are taken here");
  }

  #countSurplus(queuedBytes: number): void {
    const { surplus, settings } = this.owner;
    const now = Math.max(0, queuedBytes - settings.maxQueuedBytes);
    surplus.change(this.#surplus, now);
    this.#surplus = now;
  }

  /** Nobody takes what waits any more. */
  abandon(): void {
    this.#countSurplus(0);
  }

  drained(): void {
    const { highWaterMark } = this.owner.settings;
    if (
      this.#behind === undefined ||
      this.connection!.bufferedBytes > highWaterMark / 2
    )
      return;
    const behind = this.#behind;
    this.#behind = undefined;
    behind.settle();
  }

  ponged(): void {
    this.onPong?.();
  }

  dropped(): void {
    const { counts, settings } = this.owner;
    if (settings.slow === "drop") counts.dropped++;
    else if (!this.#isTooSlow) counts.closedAsSlow++;
    this.#isTooSlow = true; // an engine may say so of each message that comes behind
  }

  closed(code: number, reason: string): void {
    this.close = { code, reason };
    this.#behind?.settle(new SocketClosedError(this.close));
    this.#behind = undefined;
    for (const topic of this.topics) this.owner.unsubscribed(topic);
    this.#topics = undefined;
    while (this.#waiter !== undefined) this.#wakeFirst();
    this.owner.closed(this);
  }
}

const sizeOf = (message: Message): number =>
  message.length + (typeof message === "string" ? TEXT_BYTES : BINARY_BYTES);

const copyOf = (data: ArrayBuffer | Uint8Array): Uint8Array =>
  new Uint8Array(data instanceof ArrayBuffer ? data.slice(0) : data);

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Valid UTF-8, as the engines see to it. A byte order mark is part of it. */
const text = (data: ArrayBuffer | Uint8Array): string => decoder.decode(data);
