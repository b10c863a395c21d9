/**
 * One request, as an application of node:http sees it.
 *
 * An application that has answered when it returns is answered for as a plain handler is: no promise, no task. It gets
 * its events in a tick, if anybody listens. Any other reply is waited for, and what is written before its end is a
 * stream at the client's pace.
 */
import type { RequestListener } from "node:http";
import {
  InvalidReplyError,
  type Chunk,
  type GatewayRequest,
  type GatewayResponse,
} from "../../lib/adapter.ts";
import { action, type Operation } from "eddy/operations";
import { targetOf, toNative } from "../common/cgi.ts";
import { BodyFeed } from "./body.ts";
import type { Head } from "./head.ts";
import {
  END_CALLBACKS,
  HEADERS_COUNT,
  NEED_DRAIN,
  NO_CALLBACK,
  type Incoming,
  type Outgoing,
  type Callback,
} from "./insides.ts";
import type { Makers } from "./makers.ts";
import {
  overrideRequest,
  overrideResponse,
  type Answering,
} from "./overrides.ts";
import { HIGH_WATER, StandIn, type Connection } from "./stand-in.ts";

/**
 * `answering`: there is no reply yet. `sending`: a stream of it goes to the client. `over`: all is said, or nobody
 * hears.
 */
type State = "answering" | "sending" | "over";

/** Who waits for the reply of an application that has returned without one. */
interface Waiting {
  resolve(reply: GatewayResponse): void;
  reject(error: Error): void;
}

export class Call implements Answering, Connection {
  readonly request: GatewayRequest;
  readonly #req: Incoming;
  readonly #res: Outgoing;
  readonly #socket: StandIn;
  #body: BodyFeed | undefined;
  #state: State = "answering";
  #waiting: Waiting | undefined;
  #head: Head | undefined;
  /** The application has called `end`. */
  #ended = false;
  /** Why it has ended its connection. */
  #failure: Error | undefined;
  /** What the client has not been given yet, and who is told when it has taken that. */
  #chunks: Chunk[] = [];
  #bytes = 0;
  #told: Callback[] = [];
  #wake: (() => void) | undefined;

  /** `keepMount`: the application is told the whole path. */
  constructor(
    request: GatewayRequest,
    { Request, Response }: Makers,
    keepMount: boolean,
  ) {
    this.request = request;
    const socket = (this.#socket = new StandIn(this));
    const req = (this.#req = new Request(socket));
    describe(req, request, keepMount);
    overrideRequest(req, this);
    const res = (this.#res = new Response(req));
    overrideResponse(res, this);
    res.shouldKeepAlive = true; // what the connection is for is the gateway's business
    res.useChunkedEncodingByDefault = true;
    res.sendDate = false;
    res.socket = socket as never;
    socket._httpMessage = res;
  }

  get response(): Outgoing {
    return this.#res;
  }

  /** Bytes of the reply that wait for the client. */
  get waiting(): number {
    return this.#state === "over" ? 0 : this.#bytes;
  }

  handle(
    listener: RequestListener,
  ): GatewayResponse | Operation<GatewayResponse> {
    const result = this.#call(listener);
    const isAsync = isPromise(result);
    if (isAsync)
      result.then(undefined, (error: unknown) =>
        this.#socket.destroy(error as Error),
      );
    if (this.#ended) return this.#whole(this.#head!, isAsync);
    if (this.#failure !== undefined && this.#head === undefined)
      throw this.#failure;
    return action<GatewayResponse>((resolve, reject) => {
      this.#waiting = { resolve, reject };
      if (this.#bytes > 0 || this.#failure !== undefined) this.#begin();
      return () => {
        this.#waiting = undefined;
        if (this.#state === "answering") this.leave();
      };
    }, "the application's response");
  }

  /** What it has begun ends with what it throws. */
  #call(listener: RequestListener): unknown {
    try {
      return listener(this.#req, this.#res) as unknown;
    } catch (error) {
      this.leave();
      throw error;
    }
  }

  /** Of a connection that the application has ended, nothing that comes later counts. */
  take(head: Head): void {
    if (this.#failure === undefined) this.#head = head;
  }

  write(
    data: Chunk,
    encoding: BufferEncoding | null | undefined,
    told: Callback | undefined,
  ): boolean {
    if (told && told !== NO_CALLBACK) this.#told.push(told);
    const isWanted = this.#state !== "over" && this.#failure === undefined;
    if (data.length > 0 && isWanted) {
      this.#chunks.push(toChunk(data, encoding));
      this.#bytes += data.length;
      this.#socket.stir();
      if (this.#state === "sending") this.#rouse();
      else if (this.#waiting !== undefined) this.#begin();
    }
    return this.#bytes < HIGH_WATER;
  }

  end(): void {
    if (this.#failure !== undefined) return;
    this.#ended = true;
    if (this.#state === "sending") this.#rouse();
    else this.#waiting?.resolve(this.#whole(this.#head!, true));
  }

  read(): void {
    const stir = (): void => this.#socket.stir();
    this.#body ??= new BodyFeed(this.request, this.#req, stir);
    this.#body.read();
  }

  /** What was written is sent first. `error`: null, where Node has none. */
  cut(given?: Error | null): void {
    if (this.#state === "over" || this.#failure !== undefined) return;
    const error =
      given ??
      new InvalidReplyError("the application has ended its connection");
    this.#failure = error;
    this.#socket.over();
    process.nextTick(() => this.#close());
    if (this.#state === "sending") this.#rouse();
    else if (this.#head !== undefined) this.#begin();
    else {
      this.#state = "over";
      this.#waiting?.reject(error);
    }
  }

  /** The client has left, its time is up, or the loop drains. */
  leave(): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#chunks = [];
    this.#socket._hadError = true; // there will be no `finish`
    this.#socket.over();
    const told = this.#told.splice(0);
    const error = aborted();
    for (const one of told) one(error);
    this.#req.destroy(error);
    this.#socket.emit("close", false);
    this.#close();
    this.#rouse();
  }

  #close(): void {
    const res = this.#res;
    if (res._closed) return;
    res.destroyed = res._closed = true;
    res.emit("close");
    this.#req.destroy(this.#failure);
    this.#body?.wake(); // so that it learns it
  }

  /** `write` and `end` in a row are one piece, so that it has its length. */
  #begin(): void {
    setImmediate(() => {
      if (this.#state === "answering") this.#waiting?.resolve(this.#stream());
    });
  }

  /**
   * All of it is here. What is much of it waits for the client as a stream does, and is told of it likewise. `late`:
   * the application may still say that it wants to be told.
   */
  #whole(head: Head, late: boolean): GatewayResponse {
    const { status, statusText, headers, inChunks } = head; // to spread it would cost as much as all of this
    if (inChunks || this.#bytes >= HIGH_WATER) {
      if (!inChunks) headers.contentLength ??= lengthOf(this.#chunks);
      return this.#stream();
    }
    this.#state = "over";
    const body = this.#taken();
    this.#finishLater(late);
    const isHead = this.request.method === "HEAD"; // of which the length is what the application says, or nothing
    return { status, statusText, headers, body: isHead ? NOTHING : body };
  }

  #stream(): GatewayResponse {
    this.#state = "sending";
    const { status, statusText, headers } = this.#head!;
    return { status, statusText, headers, body: new Pieces(this) };
  }

  #taken(): Chunk {
    const chunks = this.#chunks;
    this.#bytes = 0;
    if (chunks.length === 0) return "";
    this.#chunks = [];
    return chunks.length === 1 ? chunks[0]! : joined(chunks);
  }

  /** The next piece, when the client has taken the one before. */
  async next(): Promise<Piece> {
    for (;;) {
      this.#tell();
      if (this.#state === "over") return END;
      if (this.#bytes > 0) return { done: false, value: this.#taken() };
      if (this.#failure !== undefined) {
        await new Promise(setImmediate); // what was written just now has left by then
        this.#state = "over";
        throw this.#failure;
      }
      if (this.#ended) {
        this.#state = "over";
        this.#finishLater(false);
        return END;
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** The client has taken what there was. */
  #tell(): void {
    if (this.#ended || this.#bytes > 0) return;
    for (const one of this.#told.splice(0)) one();
    const res = this.#res;
    if (!res[NEED_DRAIN] || this.#bytes > 0) return;
    res[NEED_DRAIN] = false;
    res.emit("drain");
  }

  #rouse(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** The reply is with the gateway. The events of that need a tick, which is made for somebody who listens. */
  #finishLater(late: boolean): void {
    const res = this.#res;
    this.#socket.rest();
    const isHeard =
      late ||
      res._eventsCount > 0 ||
      res[END_CALLBACKS]?.length !== undefined ||
      this.#req._eventsCount > 0 ||
      this.#socket.isHeard ||
      this.#told.length > 1; // one is Node's own, for `finish`
    if (isHeard) process.nextTick(() => this.#finish());
    else res.destroyed = res._closed = true;
  }

  /** As Node does when a response has left, but for the connection: the stand-in ends with its request. */
  #finish(): void {
    const [req, res, socket] = [this.#req, this.#res, this.#socket];
    for (const one of this.#told.splice(0)) one();
    if (res._closed) return; // the application has ended it meanwhile
    res.destroyed = res._closed = true;
    res.emit("close");
    if (!req._dumped) req._dump();
    socket.over();
    socket.emit("close", false);
  }
}

type Piece = IteratorResult<Chunk, undefined>;

const END: Piece = { done: true, value: undefined };
const NOTHING: readonly Chunk[] = [];

/** The body of a reply, at the client's pace. */
class Pieces implements AsyncIterableIterator<Chunk> {
  readonly #call: Call;

  constructor(call: Call) {
    this.#call = call;
  }

  next(): Promise<Piece> {
    return this.#call.next();
  }

  /** Nobody wants the rest. */
  return(): Promise<Piece> {
    this.#call.leave();
    return Promise.resolve(END);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** What is `req.url`. */
export function pathOf(request: GatewayRequest, keepMount: boolean): string {
  if (keepMount) return targetOf(request);
  const { path, queryString } = request;
  const rest = targetOf({ mountPath: "", path, queryString });
  return path === "" ? `/${rest}` : rest;
}

/** What a request of Node's says of itself. */
function describe(
  req: Incoming,
  request: GatewayRequest,
  keepMount: boolean,
): void {
  const { method, protocol, headers } = request;
  const mount = toNative(request.mountPath);
  req.method = method;
  req.url = pathOf(request, keepMount);
  // As Express and Connect tell an application that is mounted in another where it is.
  if (mount !== "" && !keepMount)
    Object.assign(req, { baseUrl: mount, originalUrl: pathOf(request, true) });
  req.httpVersion = protocol.slice("HTTP/".length);
  req.httpVersionMajor = Number(req.httpVersion[0]);
  req.httpVersionMinor = Number(req.httpVersion[2]);
  req.rawHeaders = headers.raw.map(toNative);
  req[HEADERS_COUNT] = req.rawHeaders.length;
}

function toChunk(
  data: Chunk,
  encoding: BufferEncoding | null | undefined,
): Chunk {
  return typeof data === "string" && encoding && !UTF8.test(encoding)
    ? Buffer.from(data, encoding)
    : data;
}

const UTF8 = /^utf-?8$/i;

const lengthOf = (chunks: readonly Chunk[]): number =>
  chunks.reduce((sum, one) => sum + Buffer.byteLength(one), 0);

function joined(chunks: readonly Chunk[]): Chunk {
  return Buffer.concat(
    chunks.map((one) => (typeof one === "string" ? Buffer.from(one) : one)),
  );
}

/** As Node says it. */
const aborted = (): Error =>
  Object.assign(new Error("aborted"), { code: "ECONNRESET" });

const isPromise = (value: unknown): value is Promise<unknown> =>
  typeof (value as { then?: unknown } | undefined)?.then === "function";
