/**
 * The gateway's end of the connection to one thread of a worker.
 *
 * Requests are given ahead of time, so that the thread always finds the next one, and what is given in one turn is
 * written at once. Both save wake-ups, the dearest part of a request. What was given ahead is not lost when the
 * thread dies, nor does it wait when the thread is slow: shared memory says what was begun, and the rest goes to
 * other threads.
 */
import type { Socket } from "node:net";
import { action, type Operation } from "eddy/operations";
import type { CallConnection, PythonCall, Upload } from "./call.ts";
import { InFlight } from "./in-flight.ts";
import { endSoon } from "./process.ts";
import {
  frame,
  FrameReader,
  FROM_WORKER,
  readFrames,
  requestFrame,
  TO_WORKER,
  type WorkerFrame,
} from "./protocol.ts";
import { Throughput } from "./throughput.ts";
import {
  connectTo,
  type ConnectionOwner,
  type WorkerConnection,
} from "./worker-connection.ts";

/** Milliseconds between two looks at a thread that works. */
const CHECK_MS = 5;

/** Milliseconds after which a request is slow, and those behind it are withdrawn. */
const SLOW_MS = 5;

/** Size of the buffer for what comes. */
const READ_BYTES = 128 * 1024;

export class ThreadConnection implements WorkerConnection, CallConnection {
  readonly runsAll = false;
  readonly checkMs = CHECK_MS;
  /** Number of the thread, which has this part of the shared state. */
  readonly #slot: number;
  readonly #owner: ConnectionOwner;
  readonly #socket: Socket;
  readonly #frames = new FrameReader();
  readonly inFlight = new InFlight();
  readonly #throughput = new Throughput();
  /** The last one that was finished: what it logs comes later. */
  #finished: PythonCall | undefined;
  #finishedInTurn = 0;
  /** The request whose body is being sent; nothing else can be. */
  #uploading: PythonCall | undefined;
  #out = "";
  /** Its request is slow: it is given nothing more. */
  #slow = false;
  /** Reading stops while a client is slow, but not once the process has ended. */
  #reading: "on" | "paused" | "to the end" = "on";
  #whenDrained: (() => void) | undefined;
  #grace: NodeJS.Timeout | undefined;

  constructor(path: string, slot: number, owner: ConnectionOwner) {
    this.#slot = slot;
    this.#owner = owner;
    this.#socket = connectTo(path, READ_BYTES, (data) => this.#read(data))
      .on("drain", () => this.#whenDrained?.())
      .on("close", () => this.#close());
  }

  get idle(): boolean {
    return this.inFlight.count === 0 && this.#uploading === undefined;
  }

  get requests(): number {
    return this.inFlight.requests;
  }

  get wanted(): boolean {
    return this.inFlight.wanted;
  }

  /** A streamed body needs the thread for itself. */
  roomFor(call: PythonCall): number {
    if (call.streams) return this.idle ? 1 : 0;
    if (this.#slow || this.#uploading || this.#reading !== "on") return 0;
    return this.#throughput.depth - this.inFlight.count;
  }

  /** The next request for the thread. One whose body is streamed needs it for itself. */
  give(call: PythonCall): void {
    if (this.inFlight.count === 0) this.#throughput.progress();
    this.inFlight.add(call);
    call.connection = this;
    this.#owner.countRequest();
    const body = call.upload?.first.toString("latin1") ?? "";
    if (this.#out === "") setImmediate(() => this.#flush());
    this.#out += requestFrame(call.head, body, call.streams);
    if (!call.streams) return;
    this.#uploading = call;
    this.#flush();
    const sendBody = (): Operation<void> => this.#sendBody(call.upload!);
    call.request.scope.run(sendBody);
  }

  #flush(): void {
    const out = this.#out;
    this.#out = "";
    if (out !== "") this.#socket.write(out, "latin1");
  }

  /** Sends the rest of a long body. Halted, or when the client fails, it tells the worker that no more will come. */
  *#sendBody(upload: Upload): Operation<void> {
    let end = lostBody("the rest of the body is not wanted");
    try {
      for (;;) {
        const piece = yield* upload.next();
        if (piece === undefined) break;
        yield* this.#sendPiece(piece);
      }
      end = frame(TO_WORKER.bodyEnd, Buffer.alloc(0));
    } catch (error) {
      upload.error = error as Error;
      end = lostBody(upload.error.message);
    } finally {
      this.#uploading = undefined;
      if (!this.#socket.destroyed) {
        this.#socket.write(end);
        this.#throughput.progress();
        if (this.idle) this.#owner.free(this);
      }
    }
  }

  *#sendPiece(piece: Uint8Array): Operation<void> {
    if (this.#socket.destroyed) return;
    if (!this.#socket.write(frame(TO_WORKER.body, piece)))
      yield* action<void>((resolve) => {
        this.#whenDrained = resolve;
        return () => (this.#whenDrained = undefined);
      }, "a Python process to take more of the body");
    if (!this.#socket.destroyed) this.#throughput.progress();
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
    this.#throughput.progress();
    this.#socket.resume();
  }

  drop(call: PythonCall): void {
    this.resume();
    if (call === this.inFlight.current) this.#clientGone();
  }

  retire(): void {}

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

  /** Whether the thread gets on. What waits behind a request that is slow is withdrawn. */
  check(now: number): void {
    if (this.inFlight.count === 0 || this.#socket.destroyed) return;
    const idleMs = this.#throughput.idleMs(now);
    if (idleMs >= SLOW_MS && !this.#slow && !this.#uploading) {
      this.#slow = true;
      this.withdraw();
    }
    if (idleMs < this.#owner.settings.harakiriMs) return;
    if (this.#reading === "paused" || this.#uploading?.upload?.waits)
      this.#throughput.progress(); // a client that is slow is left to the limits on clients
    else this.#owner.overrun(this.inFlight.current);
  }

  /** What the thread has not begun goes to other threads. */
  withdraw(): void {
    this.#flush();
    this.#deliverHeld();
    const { last } = this.inFlight;
    if (this.#kept >= last) return;
    this.#owner.state.withdraw(this.#slot, this.#kept + 1, last);
    this.#owner.dispatcher.requeue(this.inFlight.withdrawFrom(this.#kept + 1));
  }

  /**
   * Number of the last request that stays: it is begun, or its body has followed it. A request whose body follows is
   * given to an idle thread, so it is the first.
   */
  get #kept(): number {
    const begun = this.#owner.state.begun(this.#slot);
    const { current, first } = this.inFlight;
    return current?.streams ? Math.max(begun, first) : begun;
  }

  /** The worker is dead: fails what it had begun, and returns the rest. */
  lose(reason: Error): readonly PythonCall[] {
    clearTimeout(this.#grace);
    this.#deliverHeld();
    const begun = this.#owner.state.begun(this.#slot);
    const requeued = this.inFlight.withdrawFrom(begun + 1).filter((call) => {
      if (!call.streams) return true;
      call.fail(reason); // some of its body is gone
      return false;
    });
    for (const call of this.inFlight.clear()) call.fail(reason);
    return requeued;
  }

  #read(data: Buffer): void {
    this.#frames.read(data, this.#receive);
    this.#throughput.progress(this.#finishedInTurn);
    if (this.#finishedInTurn === 0) return;
    this.#finishedInTurn = 0;
    this.#slow = false;
    this.#owner.free(this);
  }

  readonly #receive = (frame: WorkerFrame): void => {
    const { type } = frame;
    if (type === FROM_WORKER.log) return this.#log(frame);
    const call = this.inFlight.current;
    if (type === FROM_WORKER.skip) {
      this.#finish();
      if (call !== undefined) this.#owner.dispatcher.requeue([call]);
      return;
    }
    call?.receive(frame);
    if (type & (FROM_WORKER.end | FROM_WORKER.fail)) this.#finish();
  };

  /** The first of its requests is over, for the worker: its client, however slow, keeps nobody waiting. */
  #finish(): void {
    this.resume();
    clearTimeout(this.#grace);
    this.#grace = undefined;
    this.#finishedInTurn++;
    this.#finished = this.inFlight.finish();
    if (this.inFlight.current?.dropped) this.#clientGone();
  }

  #log({ bytes, start, end }: WorkerFrame): void {
    const call = this.inFlight.at(bytes.readUInt32LE(start)) ?? this.#finished;
    call?.request.log.error(bytes.toString("utf8", start + 4, end));
  }

  /** The application finds out at its next piece, or when it asks. */
  #clientGone(): void {
    const { first, current: call } = this.inFlight;
    this.#owner.state.abort(this.#slot, first);
    this.#owner.clientGone(this.#slot, first);
    const { abortGraceMs } = this.#owner.settings;
    this.#grace = setTimeout(() => this.#owner.runsOn(call!), abortGraceMs);
  }

  /** Delivers the replies that the worker holds back. When they come by the socket, nobody waits for them any more. */
  #deliverHeld(): void {
    const held = this.#owner.state.held(this.#slot);
    if (held === undefined) return;
    let number = held.first;
    readFrames(held.frames, true, (frame) => {
      if (frame.type !== FROM_WORKER.skip)
        this.inFlight.at(number)?.receive(frame);
      number++;
    });
  }

  #close(): void {
    clearTimeout(this.#grace);
    this.#slow = true;
    this.#whenDrained?.();
    this.#owner.closed();
  }
}

/** The body is not complete, and why. */
const lostBody = (problem: string): Buffer =>
  frame(TO_WORKER.bodyLost, Buffer.from(problem));
