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
import { Given } from "./given.ts";
import { HeadReader } from "./head.ts";
import { endSoon } from "./launch.ts";
import { Pace } from "./pace.ts";
import {
  frame,
  FrameReader,
  FROM_WORKER,
  readFrames,
  requestFrame,
  TO_WORKER,
  type Frame,
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

/** Milliseconds after which a request is slow, and those behind it are taken back. */
const SLOW_MS = 5;

/** Where sockets put what comes. It is read before anybody else's turn. */
const READ_BYTES = 128 * 1024;

/** What comes is copied at once when it is likely to be several small replies, else each frame on its own. */
const SEVERAL_BYTES = 16 * 1024;

export class Connection implements Carrier {
  readonly heads = new HeadReader();
  /** Which part of the shared state is its own. */
  slot = -1;
  readonly #owner: Owner;
  readonly #socket: Socket;
  readonly #frames = new FrameReader((frame) => this.#hear(frame));
  readonly #given = new Given();
  readonly #pace: Pace;
  /** The last that was finished: what it logs comes later. */
  #finished: Call | undefined;
  #finishedInTurn = 0;
  /** Whose body is being sent; nothing else can be. */
  #uploading: Call | undefined;
  #out = "";
  /** Its request is slow: it is given nothing more. */
  #slow = false;
  /** What it says waits while a client is slow; of a process that has ended it is read at once. */
  #reading: "on" | "paused" | "to the end" = "on";
  #whenDrained: (() => void) | undefined;
  #grace: NodeJS.Timeout | undefined;

  constructor(path: string, owner: Owner) {
    this.#owner = owner;
    this.#pace = new Pace(owner.harakiriMs, () => this.#overrun());
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
    return this.#given.count === 0 && this.#uploading === undefined;
  }

  /** Requests that it can be given ahead. */
  get room(): number {
    if (this.#slow || this.#uploading || this.#reading !== "on") return 0;
    return this.#pace.depth - this.#given.count;
  }

  /** A client waits for one of its requests. */
  get wanted(): boolean {
    return this.#given.wanted;
  }

  /** The next request for the thread. One whose body is streamed needs it for itself. */
  give(call: Call): void {
    if (this.#given.count === 0) this.#pace.move();
    this.#given.add(call);
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
    if (!this.#socket.write(frame(TO_WORKER.body, piece)))
      yield* action<void>((resolve) => {
        this.#whenDrained = resolve;
        return () => (this.#whenDrained = undefined);
      });
    if (!this.#socket.destroyed) this.#pace.move();
  }

  endBody(problem: string | undefined): void {
    const call = this.#uploading;
    if (call === undefined) return;
    this.#uploading = undefined;
    if (this.#socket.destroyed) return;
    if (problem === undefined)
      this.#socket.write(frame(TO_WORKER.bodyEnd, Buffer.alloc(0)));
    else this.#socket.write(frame(TO_WORKER.bodyLost, Buffer.from(problem)));
    this.#pace.move();
    if (this.idle) this.#owner.free(this);
  }

  /** The client is slow: the worker's next write blocks. */
  pause(): void {
    if (this.#reading !== "on") return;
    this.#reading = "paused";
    this.#socket.pause();
  }

  resume(): void {
    if (this.#reading !== "paused") return;
    this.#reading = "on";
    this.#pace.move();
    this.#socket.resume();
  }

  drop(call: Call): void {
    this.resume();
    if (call === this.#given.current) this.#tellThatClientIsGone();
  }

  /** Ends when it has nothing to do. */
  end(): void {
    this.#socket.end();
  }

  /** Its process has ended, and is given nothing more. */
  exited(): void {
    this.resume();
    this.#reading = "to the end";
    endSoon(this.#socket);
  }

  /** Takes back what waits behind a request that is slow. */
  relieve(now: number): void {
    if (this.#slow || this.#given.count === 0 || this.#uploading) return;
    if (this.#pace.idleMs(now) < SLOW_MS) return;
    this.#slow = true;
    this.takeBack();
  }

  /** What the thread has not begun is for somebody else. */
  takeBack(): void {
    this.flush();
    this.#takeHeld();
    const { last } = this.#given;
    if (this.#kept >= last) return;
    this.#owner.state.takeBack(this.slot, this.#kept + 1, last);
    this.#owner.again(this.#given.takeFrom(this.#kept + 1));
  }

  /** Number of the last request that stays: it is begun, or its body has followed it. That one is given to an idle thread, so it is the first. */
  get #kept(): number {
    const begun = this.#owner.state.begun(this.slot);
    const { current, first } = this.#given;
    return current?.streams ? Math.max(begun, first) : begun;
  }

  /** The worker is dead. What it had not begun is for somebody else; the others are told why. */
  lose(reason: Error): readonly Call[] {
    this.#pace.stop();
    clearTimeout(this.#grace);
    this.#takeHeld();
    const begun = this.#owner.state.begun(this.slot);
    const again = this.#given.takeFrom(begun + 1).filter((call) => {
      if (!call.streams) return true;
      call.fail(reason); // some of its body is gone
      return false;
    });
    for (const call of this.#given.clear()) call.fail(reason);
    return again;
  }

  #read(data: Buffer): void {
    if (data.length > SEVERAL_BYTES) this.#frames.push(data, false);
    else this.#frames.push(Buffer.from(data), true);
    this.#pace.move(this.#finishedInTurn);
    if (this.#finishedInTurn === 0) return;
    this.#finishedInTurn = 0;
    this.#slow = false;
    this.#owner.free(this);
  }

  #hear(frame: Frame): void {
    const { type } = frame;
    if (type === FROM_WORKER.hello) {
      this.slot = frame.bytes.readUInt16LE(frame.start);
      return this.#owner.opened();
    }
    if (type === FROM_WORKER.log) return this.#log(frame);
    const call = this.#given.current;
    if (type === FROM_WORKER.skip) {
      this.#finish();
      if (call !== undefined) this.#owner.again([call]);
      return;
    }
    call?.hear(frame);
    if (type & (FROM_WORKER.end | FROM_WORKER.fail)) this.#finish();
  }

  /** The first of its requests is over, for the worker. */
  #finish(): void {
    clearTimeout(this.#grace);
    this.#grace = undefined;
    this.#finishedInTurn++;
    this.#finished = this.#given.finish();
    if (this.#given.current?.dropped) this.#tellThatClientIsGone();
  }

  #log({ bytes, start, end }: Frame): void {
    const call = this.#given.at(bytes.readUInt32LE(start)) ?? this.#finished;
    call?.request.log.error(bytes.toString("utf8", start + 4, end));
  }

  /** The application learns it when it gives its next piece, or asks. */
  #tellThatClientIsGone(): void {
    const { first, current: call } = this.#given;
    this.#owner.state.abort(this.slot, first);
    this.#owner.clientGone(this, first);
    const { abortGraceMs } = this.#owner;
    this.#grace = setTimeout(
      () => this.#owner.runsOn(this, call!),
      abortGraceMs,
    );
  }

  /** Replies that the worker holds back. When they come by the socket, nobody waits for them any more. */
  #takeHeld(): void {
    const held = this.#owner.state.held(this.slot);
    if (held === undefined) return;
    let number = held.first;
    const take: OnFrame = (frame) => {
      if (frame.type !== FROM_WORKER.skip) this.#given.at(number)?.hear(frame);
      number++;
    };
    readFrames(held.frames, take, true);
  }

  /** What is the client's fault is left to the limits on clients. */
  #overrun(): void {
    const call = this.#given.current;
    if (call === undefined) return;
    if (this.#reading === "paused" || this.#uploading?.upload?.waits)
      this.#pace.move();
    else this.#owner.overrun(this, call);
  }

  #close(): void {
    this.#pace.stop();
    clearTimeout(this.#grace);
    this.#slow = true;
    this.#whenDrained?.();
    this.#owner.closed();
  }
}
