/**
 * The gateway's end of the connection to one thread of a worker.
 *
 * Requests are given ahead of time, so that the thread always finds the next one, and what is given in one turn is written
 * at once. Both save wake-ups, which cost more than all else. What was given ahead is not lost when the thread dies, nor
 * does it wait when the thread is slow: shared memory says what was begun, and the rest is given to somebody else.
 */
import { connect, type Socket } from "node:net";
import { action, type Operation } from "eddy/operations";
import type { Call, Carrier } from "./call.ts";
import { HeadReader } from "./head.ts";
import {
  frame,
  FrameReader,
  FROM_WORKER,
  readFrames,
  requestFrame,
  TO_WORKER,
  type OnFrame,
} from "./protocol.ts";
import type { SharedState } from "./shared-state.ts";

/** Whose thread it is. */
export interface Owner {
  readonly state: SharedState;
  readonly harakiriMs: number;
  readonly abortGraceMs: number;
  /** The thread can be given requests. */
  opened(): void;
  /** It has less to do than before. */
  free(connection: Connection): void;
  /** They were given to it, were not begun, and are for somebody else. */
  again(calls: readonly Call[]): void;
  /** It has something to write at the end of this turn. */
  flushLater(connection: Connection): void;
  /** Nothing was heard of its request for too long. */
  overrun(connection: Connection, call: Call): void;
  /** Its client is gone; what is told is the number of the request on this connection. */
  clientGone(connection: Connection, number: number): void;
  /** It goes on with a request whose client is gone. */
  runsOn(connection: Connection, call: Call): void;
  closed(): void;
}

/** Requests that are given ahead, and how much time they may take together: those behind should not wait for long. */
const DEPTH = 16;
const AHEAD_MS = 2;

/** Milliseconds after which a request is slow, and those behind it are taken back. */
const SLOW_MS = 5;

/** Where sockets put what comes. It is read before anybody else's turn. */
const READ_BYTES = 128 * 1024;

export class Connection implements Carrier {
  readonly heads = new HeadReader();
  /** Which part of the shared state is its own. */
  slot = -1;
  readonly #owner: Owner;
  readonly #socket: Socket;
  readonly #frames = new FrameReader((...frame) => this.#hear(...frame));
  /** Given and not finished, in order; undefined for those taken back. */
  readonly #calls: (Call | undefined)[] = [];
  /** Requests so far: the number of the last. */
  #given = 0;
  /** The last that was finished: what it logs comes later. */
  #finished: Call | undefined;
  #finishedInTurn = 0;
  /** Whose body is being sent; nothing else can be. */
  #uploading: Call | undefined;
  #out = "";
  #costMs = 1;
  /** When it was heard of, or was given something to do. */
  #lastMove = 0;
  /** Its request is slow: it is given nothing more. */
  #slow = false;
  #paused = false;
  #whenDrained: (() => void) | undefined;
  /** Goes off when it is silent for `harakiriMs`. */
  #silence: NodeJS.Timeout | undefined;
  #grace: NodeJS.Timeout | undefined;

  constructor(path: string, owner: Owner) {
    this.#owner = owner;
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
    const callback = (length: number): boolean => {
      this.#read(buffer.subarray(0, length));
      return true;
    };
    this.#socket = connect({ path, onread: { buffer, callback } })
      .on("error", () => {}) // it is followed by "close"
      .on("drain", () => this.#whenDrained?.())
      .on("close", () => this.#close());
  }

  get idle(): boolean {
    return this.#calls.length === 0 && this.#uploading === undefined;
  }

  /** Requests that it can be given ahead. */
  get room(): number {
    if (this.#slow || this.#paused || this.#uploading) return 0;
    const depth = Math.min(DEPTH, Math.floor(AHEAD_MS / this.#costMs));
    return Math.max(1, depth) - this.#calls.length;
  }

  /** A client waits for one of its requests. */
  get wanted(): boolean {
    return this.#calls.some((call) => call?.open);
  }

  /** The next request for the thread. One whose body is streamed needs it for itself. */
  give(call: Call): void {
    if (this.#calls.length === 0) this.#move();
    this.#calls.push(call);
    this.#given++;
    call.givenTo(this);
    const body = call.upload?.first.toString("latin1") ?? "";
    if (this.#out === "") this.#owner.flushLater(this);
    this.#out += requestFrame(call.environ, body, call.streams);
    if (!call.streams) return;
    this.#uploading = call;
    this.flush();
    call.bringBody();
  }

  flush(): void {
    const out = this.#out;
    this.#out = "";
    if (out !== "") this.#socket.write(out, "latin1");
  }

  *sendPiece(piece: Uint8Array): Operation<void> {
    if (this.#socket.destroyed) return;
    if (this.#socket.write(frame(TO_WORKER.body, piece))) return;
    yield* action<void>((resolve) => {
      this.#whenDrained = resolve;
      return () => (this.#whenDrained = undefined);
    });
  }

  endBody(problem: string | undefined): void {
    const call = this.#uploading;
    if (call === undefined) return;
    this.#uploading = undefined;
    if (this.#socket.destroyed) return;
    if (problem === undefined)
      this.#socket.write(frame(TO_WORKER.bodyEnd, Buffer.alloc(0)));
    else this.#socket.write(frame(TO_WORKER.bodyLost, Buffer.from(problem)));
    this.#move();
    if (this.idle) this.#owner.free(this);
  }

  /** The client is slow: the worker's next write blocks. */
  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#move();
    this.#socket.resume();
  }

  drop(call: Call): void {
    this.resume();
    if (call === this.#calls[0]) this.#tellThatClientIsGone();
  }

  /** Ends when it has nothing to do. */
  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Takes back what waits behind a request that is slow. */
  relieve(now: number): void {
    if (this.#slow || this.#calls.length === 0 || this.#uploading) return;
    if (now - this.#lastMove < SLOW_MS) return;
    this.#slow = true;
    this.flush();
    const { state } = this.#owner;
    this.#takeHeld();
    if (state.begun(this.slot) >= this.#given) return;
    state.takeBack(this.slot, state.begun(this.slot) + 1, this.#given);
    this.#owner.again(this.#removeFrom(state.begun(this.slot) + 1));
  }

  /** The worker is dead. What it had not begun is for somebody else; the others are told why. */
  lose(reason: Error): readonly Call[] {
    clearTimeout(this.#silence);
    clearTimeout(this.#grace);
    this.#takeHeld();
    const begun = this.#owner.state.begun(this.slot);
    const again = this.#removeFrom(begun + 1).filter((call) => {
      if (!call.streams) return true;
      call.fail(reason); // some of its body is gone
      return false;
    });
    for (const call of this.#calls.splice(0)) call?.fail(reason);
    return again;
  }

  #read(data: Buffer): void {
    this.#frames.push(data);
    this.#move();
    if (this.#finishedInTurn === 0) return;
    this.#finishedInTurn = 0;
    this.#slow = false;
    this.#owner.free(this);
  }

  #hear(...[type, bytes, start, end, last]: Parameters<OnFrame>): void {
    if (type === FROM_WORKER.hello) {
      this.slot = bytes.readUInt16LE(start);
      return this.#owner.opened();
    }
    if (type === FROM_WORKER.log) return this.#log(bytes, start, end);
    const call = this.#calls[0];
    if (type === FROM_WORKER.skip) {
      this.#finish();
      if (call !== undefined) this.#owner.again([call]);
      return;
    }
    call?.hear(type, bytes, start, end, last);
    if (type & (FROM_WORKER.end | FROM_WORKER.fail)) this.#finish();
  }

  /** The first of its requests is over, for the worker. */
  #finish(): void {
    clearTimeout(this.#grace);
    this.#grace = undefined;
    this.#finishedInTurn++;
    this.#finished = this.#calls.shift();
    if (this.#calls[0]?.dropped) this.#tellThatClientIsGone();
  }

  #log(bytes: Buffer, start: number, end: number): void {
    const ahead = this.#given - bytes.readUInt32LE(start);
    const call = this.#calls[this.#calls.length - 1 - ahead] ?? this.#finished;
    call?.request.log.error(bytes.toString("utf8", start + 4, end));
  }

  /** The application learns it when it gives its next piece, or asks. */
  #tellThatClientIsGone(): void {
    const number = this.#given - this.#calls.length + 1;
    const call = this.#calls[0]!;
    this.#owner.state.abort(this.slot, number);
    this.#owner.clientGone(this, number);
    const { abortGraceMs } = this.#owner;
    this.#grace = setTimeout(
      () => this.#owner.runsOn(this, call),
      abortGraceMs,
    );
  }

  /** Replies that the worker holds back. When they come by the socket, nobody waits for them any more. */
  #takeHeld(): void {
    const held = this.#owner.state.held(this.slot);
    if (held === undefined) return;
    let at = held.first - (this.#given - this.#calls.length + 1);
    const take: OnFrame = (type, ...payload) => {
      if (type !== FROM_WORKER.skip) this.#calls[at]?.hear(type, ...payload);
      at++;
    };
    readFrames(held.frames, take, true);
  }

  /** Those from this number on that still wait for a reply. */
  #removeFrom(number: number): Call[] {
    const first = this.#given - this.#calls.length + 1;
    const removed: Call[] = [];
    for (let i = Math.max(0, number - first); i < this.#calls.length; i++) {
      const call = this.#calls[i];
      this.#calls[i] = undefined;
      if (call?.open) removed.push(call);
    }
    return removed;
  }

  /** It has done something, or was given something to do. */
  #move(): void {
    const now = performance.now();
    if (this.#finishedInTurn > 0)
      this.#costMs +=
        ((now - this.#lastMove) / this.#finishedInTurn - this.#costMs) / 8;
    this.#lastMove = now;
    if (this.#silence !== undefined) this.#silence.refresh();
    else
      this.#silence = setTimeout(() => this.#overrun(), this.#owner.harakiriMs);
  }

  /** What is the client's fault is left to the limits on clients. */
  #overrun(): void {
    const call = this.#calls[0];
    if (call === undefined) return;
    if (this.#paused || this.#uploading?.upload?.waits) this.#move();
    else this.#owner.overrun(this, call);
  }

  #close(): void {
    clearTimeout(this.#silence);
    clearTimeout(this.#grace);
    this.#slow = true;
    this.#whenDrained?.();
    this.#owner.closed();
  }
}
