/**
 * The gateway's end of the connection to a process with an ASGI application: all of its requests run at once, each
 * with a number. What is given in one turn of the loop is written at once, and what comes is what one turn of Python's
 * has made.
 */
import type { Socket } from "node:net";
import { performance } from "node:perf_hooks"; // the global one is a getter, and this is the hot path
import { action, type Operation } from "eddy/operations";
import { PythonTimeoutError } from "../../../lib/adapter.ts";
import type { PythonCall, Upload } from "../call.ts";
import { endSoon } from "../process.ts";
import { FrameReader, FROM_WORKER, type WorkerFrame } from "../protocol.ts";
import {
  connectTo,
  type ConnectionOwner,
  type WorkerConnection,
} from "../worker-connection.ts";
import { endsReply, type AsgiCall, type AsgiCallConnection } from "./call.ts";
import {
  asgiBytes,
  asgiFrame,
  asgiRequest,
  FROM_ASGI,
  TO_ASGI,
  word,
} from "./protocol.ts";
import { Numbered } from "./numbered.ts";

/** Size of the buffer for what comes. */
const READ_BYTES = 256 * 1024;

/** Milliseconds in which a process has to react when one of its requests takes too long. */
const REACTION_MS = 1000;

export class AsgiConnection implements WorkerConnection, AsgiCallConnection {
  readonly runsAll = true;
  readonly checkMs: number;
  readonly #owner: ConnectionOwner;
  readonly #socket: Socket;
  readonly #frames = new FrameReader();
  readonly #calls = new Numbered<AsgiCall>();
  /** Those whose reply was completed by what was read last, of which that may still say something. */
  readonly #ended: AsgiCall[] = [];
  /** Requests that it was given since its start. */
  #given = 0;
  #out = "";
  /** It was told of a request that takes too long, and has not said anything since. */
  #asked: { readonly call: AsgiCall; readonly at: number } | undefined;
  #hasFinished = false;
  readonly #whenDrained = new Set<() => void>();

  constructor(path: string, owner: ConnectionOwner) {
    this.#owner = owner;
    this.checkMs = Math.min(250, owner.settings.harakiriMs / 2);
    this.#socket = connectTo(path, READ_BYTES, (data) => this.#read(data))
      .on("drain", () => this.#drained())
      .on("close", () => {
        this.#drained();
        owner.closed();
      });
  }

  get idle(): boolean {
    return this.requests === 0;
  }

  get requests(): number {
    return this.#calls.count - this.#ended.length;
  }

  get wanted(): boolean {
    return this.#calls.values.some(({ phase }) => phase === "runs");
  }

  /** That with the most is the next to be given one, also where there is no limit. */
  roomFor(): number {
    const { maxConcurrent } = this.#owner.settings;
    return Math.min(maxConcurrent, Number.MAX_SAFE_INTEGER) - this.requests;
  }

  give(call: AsgiCall): void {
    call.number = this.#calls.add(call);
    call.place = ++this.#given;
    call.phase = "runs";
    call.connection = this;
    call.lastProgress = performance.now();
    this.#owner.countRequest();
    const body = call.streams ? undefined : call.upload?.first;
    const text = body?.toString("latin1") ?? "";
    this.#send(asgiRequest(call.number, call.head, call.flags, text));
    if (call.streams)
      call.request.scope.run(() => this.#sendBody(call, call.upload!));
  }

  #send(text: string): void {
    if (this.#out === "") setImmediate(() => this.#flush());
    this.#out += text;
  }

  #flush(): void {
    const out = this.#out;
    this.#out = "";
    if (out !== "") this.#socket.write(out, "latin1");
  }

  /** Sends bytes of a request that was given. */
  sendBytes(type: number, call: AsgiCall, bytes: Uint8Array): boolean {
    if (this.#socket.destroyed) return true;
    this.#flush();
    return this.#socket.write(asgiBytes(type, call.number, bytes));
  }

  /** Sends the rest of a long body, as the application takes it. What fails there is what the client is told. */
  *#sendBody(call: AsgiCall, upload: Upload): Operation<void> {
    try {
      for (;;) {
        const piece = yield* upload.next();
        if (piece === undefined) break;
        yield* this.sendPaced(TO_ASGI.body, call, piece);
      }
      if (call.phase === "runs")
        this.#send(asgiFrame(TO_ASGI.bodyEnd, call.number));
    } catch (error) {
      call.fail(error as Error);
      this.drop(call);
    }
  }

  /** Sends a piece, and waits while the application is behind. */
  *sendPaced(type: number, call: AsgiCall, piece: Uint8Array): Operation<void> {
    if (call.phase !== "runs") return;
    call.lastProgress = performance.now();
    if (!this.sendBytes(type, call, piece))
      yield* action<void>((resolve) => {
        this.#whenDrained.add(resolve);
        return () => this.#whenDrained.delete(resolve);
      }, "a Python process to take more");
    if (call.isBehind(piece.length))
      yield* action<void>((resolve) => {
        return call.whenRead(() => {
          if (call.isBehind(0) && call.phase === "runs") return;
          call.lastProgress = performance.now();
          resolve();
        });
      }, "a Python application to take more");
  }

  #drained(): void {
    for (const go of this.#whenDrained) go();
  }

  /** A reply waits for its own client alone: the worker is told what that has taken. */
  pause(): void {}

  resume(): void {}

  acknowledge(call: AsgiCall, bytes: number): void {
    if (call.phase === "runs")
      this.#send(asgiFrame(TO_ASGI.taken, call.number, word(bytes)));
  }

  drop(call: PythonCall): void {
    const its = call as AsgiCall;
    if (its.phase !== "runs") return;
    its.phase = "alone";
    this.#send(asgiFrame(TO_ASGI.disconnect, its.number));
    its.wake();
  }

  /** A WebSocket has closed. */
  closed(call: AsgiCall, code: number, reason: string): void {
    if (call.phase !== "runs") return;
    call.phase = "alone";
    const payload = Buffer.from(`\0\0${reason}`);
    payload.writeUInt16LE(code);
    this.#send(
      asgiFrame(TO_ASGI.closed, call.number, payload.toString("latin1")),
    );
  }

  retire(): void {
    for (const call of this.#calls.values) call.retire();
  }

  end(): void {
    this.#flush();
    this.#socket.end();
  }

  exited(): void {
    endSoon(this.#socket);
  }

  check(now: number): void {
    if (this.#socket.destroyed) return;
    const { harakiriMs } = this.#owner.settings;
    const asked = this.#asked;
    if (asked !== undefined && now - asked.at > REACTION_MS)
      return this.#owner.overrun(asked.call);
    for (const call of this.#calls.values) {
      if (call.phase !== "runs" || !call.isLimited) continue;
      if (now - call.lastProgress < harakiriMs) continue;
      if (call.upload?.waits) call.lastProgress = now;
      else this.#overrun(call, now);
    }
  }

  /** The process says where the request is, and cancels it. If it does not, it hangs with all that it has. */
  #overrun(call: AsgiCall, now: number): void {
    const error = new PythonTimeoutError(this.#owner.settings.harakiriMs);
    call.request.log.error(`${call.line}: ${error.message}`);
    call.phase = "alone";
    call.fail(error);
    call.wake();
    this.#send(asgiFrame(TO_ASGI.overrun, call.number));
    this.#asked ??= { call, at: now };
  }

  /** All that it was given it begins, in the next turn of its loop. */
  withdraw(): void {}

  lose(reason: Error): readonly AsgiCall[] {
    const begun = this.#owner.state.begun(0);
    const requeued: AsgiCall[] = [];
    for (const call of this.#calls.values) {
      const isOwed = call.phase === "runs";
      call.phase = "over";
      if (call.open && call.place > begun && !call.streams) requeued.push(call);
      else if (isOwed) call.fail(reason);
      call.wake();
      this.#calls.remove(call.number); // nobody will say that it is over
    }
    this.#ended.length = 0;
    return requeued;
  }

  #read(data: Buffer): void {
    this.#asked = undefined;
    if (this.#frames.isEmpty) this.#forget();
    this.#frames.read(data, this.#receive);
    if (!this.#hasFinished) return;
    this.#hasFinished = false;
    this.#owner.free(this);
  }

  readonly #receive = (frame: WorkerFrame): void => {
    const { type, bytes, end, lasts } = frame;
    const number = bytes.readUInt32LE(frame.start);
    const start = frame.start + 4;
    const call = this.#calls.get(number);
    if (call === undefined) return;
    if (type === FROM_WORKER.log)
      return call.request.log.error(bytes.toString("utf8", start, end));
    if (type === FROM_ASGI.busy) return this.#goesOn(call);
    if (type === FROM_ASGI.done) return this.#finish(call);
    const own = { type, bytes, start, end, lasts };
    if (type > FROM_WORKER.log && type !== FROM_ASGI.trailedHead) {
      call.hear(own);
      if (type === FROM_ASGI.close) this.#finish(call);
      return;
    }
    call.receive(own);
    if (endsReply(own)) this.#finish(call);
    else call.lastProgress = performance.now();
  };

  /** Its reply is complete. Whether the application goes on, the process says in the same write. */
  #finish(call: AsgiCall): void {
    if (call.phase === "over") return;
    call.phase = "over";
    this.#hasFinished = true;
    this.#ended.push(call);
    call.wake();
  }

  /** Its reply is complete, and its application is not done. */
  #goesOn(call: AsgiCall): void {
    if (call.phase !== "over") return;
    call.phase = "alone";
    this.#ended.splice(this.#ended.indexOf(call), 1);
  }

  /** What was over by the last read, whose frames are all read. */
  #forget(): void {
    for (const { number } of this.#ended) this.#calls.remove(number);
    this.#ended.length = 0;
  }
}
