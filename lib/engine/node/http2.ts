/** HTTP/2: a stream is an exchange, its reset an abort, its flow control the back-pressure. */
import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import { Live, type Linked } from "../../common/live.ts";
import type { Chunk, Head, Peer, Serve } from "../engine.ts";
import type { Entrance } from "../entrance.ts";
import { engineHeaderBytes } from "../header-limit.ts";
import { NodePeer, toText, trailersOf } from "./head.ts";
import { pathAndQuery, targetText } from "../path-and-query.ts";
import { StreamOutlet } from "../stream-outlet.ts";
import { untilClosed } from "./until-closed.ts";

/** Streams of one connection at a time; RFC 9113, section 6.5.2, asks for a hundred at least. */
const STREAMS_AT_MOST = 128;

/**
 * Node counts what waits in a connection, and goes on counting what was reset: by its default of 10 MB a few clients
 * that leave in the middle of long replies would have all further streams refused. What a stream can keep is bounded
 * already.
 */
const NO_LIMIT_MB = 1e9;

/** Milliseconds that a connection has for its last frames when the listener is destroyed. */
const LAST_FRAMES_MS = 1000;

/**
 * Bytes of a frame, as clients take them unless they say otherwise. What is left of a reply is Node's then, and the
 * exchange need not wait for it: a connection has so much of each of its streams at most.
 */
const FRAME_BYTES = 16 * 1024;

/** Milliseconds that a client has to send the rest of a body behind its reply. */
const LINGER_MS = 5000;

/** The sessions of a listener, which are its connections that speak HTTP/2. */
export class Http2 {
  readonly #serve: Serve;
  readonly #entrance: Entrance;
  readonly #idleTimeoutMs: number;
  readonly #server: Http2Server;
  readonly #sessions = new Map<ServerHttp2Session, Session>();
  /** The connection that becomes a session. That of a session itself throws at who asks it anything later. */
  #taken!: Socket;

  constructor(serve: Serve, entrance: Entrance, idleTimeoutMs: number) {
    this.#serve = serve;
    this.#entrance = entrance;
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#server = createServer({
      maxSessionMemory: NO_LIMIT_MB,
      settings: {
        maxConcurrentStreams: STREAMS_AT_MOST,
        maxHeaderListSize: engineHeaderBytes(),
      },
    })
      .on("session", (session: ServerHttp2Session) => this.#open(session))
      .on("sessionError", () => {}); // a client has broken the protocol: its session is over, and its streams tell
  }

  /** Takes a connection whose client speaks HTTP/2, which has no use for half of one. */
  take(socket: Socket): void {
    socket.allowHalfOpen = false;
    this.#taken = socket;
    this.#server.emit("connection", socket);
  }

  #open(http2: ServerHttp2Session): void {
    const session = new Session(http2, this.#taken, this.#idleTimeoutMs);
    this.#sessions.set(http2, session);
    http2.on("close", () => this.#sessions.delete(http2));
    const receive = (
      stream: ServerHttp2Stream,
      headers: IncomingHttpHeaders,
      _flags: number,
      raw: readonly string[],
    ): void => {
      const outlet = new Http2Outlet(stream, headers);
      session.add(stream, outlet);
      const head = new Http2Head(stream, headers, raw, session.peer);
      if (headers[":method"] === "CONNECT") outlet.refuse(501);
      else this.#serve(head, outlet, this.#entrance);
    };
    http2.on("stream", receive);
  }

  /** No further streams (GOAWAY): those that run come to their ends, and their connections with them. */
  drain(): void {
    for (const session of this.#sessions.keys()) session.close();
  }

  /** Done when the last frames have left. */
  async closed(): Promise<void> {
    this.drain();
    await untilClosed([...this.#sessions.keys()], LAST_FRAMES_MS);
  }
}

/** One connection. */
class Session {
  readonly peer: Peer;
  readonly #http2: ServerHttp2Session;
  readonly #idleTimeoutMs: number;
  /** Of its streams that are open. */
  readonly #outlets = new Live<Http2Outlet>();
  /** The client has not answered whether it is there. */
  #isAsked = false;

  constructor(
    http2: ServerHttp2Session,
    socket: Socket,
    idleTimeoutMs: number,
  ) {
    this.#http2 = http2;
    this.peer = new NodePeer(socket, "");
    this.#idleTimeoutMs = idleTimeoutMs;
    http2.on("timeout", () => this.#silent()).setTimeout(idleTimeoutMs);
  }

  add(stream: ServerHttp2Stream, outlet: Http2Outlet): void {
    this.#outlets.add(outlet);
    stream
      .on("error", ignore) // what "close" tells, too
      .on("close", () => {
        this.#outlets.delete(outlet);
        outlet.over();
        stream.removeAllListeners("close"); // it may live on, as one that was in a Map of Node's: see `Live`
      });
  }

  /**
   * Is that the client's fault? Who is there answers a PING. Nobody may be: Node.js 20 does not close a connection that
   * it has ended for a broken protocol, and does not see its client leave.
   */
  #silent(): void {
    const http2 = this.#http2;
    const outlets = this.#outlets.all();
    const isFault = !outlets.every((outlet) => outlet.waitsForApplication);
    if (isFault || this.#isAsked || http2.closed) return http2.destroy();
    http2.setTimeout(this.#idleTimeoutMs);
    if (outlets.length === 0) return http2.close();
    this.#isAsked = true;
    http2.ping((error) => {
      this.#isAsked = false;
      if (error) http2.destroy();
    });
  }
}

const ignore = (): void => {};

class Http2Head implements Head {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly fields: readonly string[];
  readonly protocol = "HTTP/2.0";
  readonly peer: Peer;

  constructor(
    { endAfterHeaders }: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    raw: readonly string[],
    peer: Peer,
  ) {
    this.method = headers[":method"]!;
    [this.path, this.query] = pathAndQuery(targetText(headers[":path"] ?? ""));
    this.fields = fieldsOf(headers, raw, !endAfterHeaders);
    this.peer = peer;
  }
}

/**
 * The fields as one would have come by HTTP/1.1 (RFC 9113, section 8.3.1): the authority is the host, and a body
 * without a length comes in chunks.
 */
function fieldsOf(
  headers: IncomingHttpHeaders,
  raw: readonly string[],
  hasBody: boolean,
): string[] {
  const fields: string[] = [];
  const authority = headers[":authority"];
  if (authority !== undefined) fields.push("host", authority);
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!;
    if (name.charCodeAt(0) === COLON) continue;
    if (name === "host" && authority !== undefined) continue;
    fields.push(name, toText(raw[i + 1]!));
  }
  if (hasBody && headers["content-length"] === undefined)
    fields.push("transfer-encoding", "chunked");
  return fields;
}

const COLON = 0x3a;

/** RFC 9113, section 8.2.2: fields of a connection of HTTP/1.1, and those of requests that Node throws at. */
const NOT_HERE: ReadonlySet<string> = new Set([
  "connection",
  "http2-settings",
  "te",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/** Adds fields as Node takes them to `headers`. */
function headersOf(
  headers: OutgoingHttpHeaders,
  fields: readonly string[],
): OutgoingHttpHeaders {
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!.toLowerCase();
    if (NOT_HERE.has(name)) continue;
    const value = fields[i + 1]!;
    const before = headers[name] as string | string[] | undefined;
    if (before === undefined) headers[name] = value;
    else if (name === "set-cookie") headers[name] = [before, value].flat();
    else headers[name] = `${String(before)}, ${value}`; // RFC 9110, section 5.2; Node throws at some that come twice
  }
  return headers;
}

const NONE: readonly string[] = [];

class Http2Outlet extends StreamOutlet implements Linked<Http2Outlet> {
  before: Http2Outlet | undefined;
  after: Http2Outlet | undefined;
  readonly #stream: ServerHttp2Stream;
  /** Until the first of the body, or the end: then both leave together. */
  #head: OutgoingHttpHeaders | undefined;
  /** All of the reply is Node's. A stream that a session ends with it looks as if it had been ended, too. */
  #isGiven = false;
  #limit: NodeJS.Timeout | undefined;
  trailers = NONE;
  /** Those of the reply. */
  #trailers: OutgoingHttpHeaders | undefined;

  constructor(stream: ServerHttp2Stream, { expect }: IncomingHttpHeaders) {
    super(stream, expect);
    this.#stream = stream;
    if (!stream.endAfterHeaders)
      stream.once("trailers", (...[, , raw]: unknown[]) => {
        this.trailers = trailersOf(raw as readonly string[]);
      });
  }

  /** What is no request. */
  refuse(status: number): void {
    this.writeHead(status, undefined, ["content-length", "0"]);
    this.writeEnd(undefined);
  }

  protected invite(): void {
    this.#stream.additionalHeaders({ ":status": 100 });
  }

  /** `Session` says so. */
  protected watch(): void {}

  /** The stream is. */
  over(): void {
    clearTimeout(this.#limit);
    const { rstCode } = this.#stream;
    if (this.#isGiven && rstCode === constants.NGHTTP2_NO_ERROR) this.finish();
    else this.leave();
  }

  /** What is silent is neither a client that sends its body nor one that takes its reply. */
  get waitsForApplication(): boolean {
    const { endAfterHeaders, readableEnded, writableLength } = this.#stream;
    if (this.state === "waiting")
      return endAfterHeaders || readableEnded || this.#stream.isPaused();
    return writableLength === 0;
  }

  protected writeHead(
    status: number,
    _reason: string | undefined,
    fields: string[],
  ): void {
    this.#head = headersOf({ ":status": status }, fields);
  }

  /** `endStream`: nothing else follows. */
  #sendHead(endStream: boolean): void {
    if (this.#head === undefined) return;
    const waitForTrailers = this.trailing !== undefined;
    if (waitForTrailers)
      this.#stream.once("wantTrailers", () =>
        this.#stream.sendTrailers(this.#trailers ?? {}),
      );
    this.#stream.respond(this.#head, { endStream, waitForTrailers });
    this.#head = undefined;
  }

  protected override writeHint(fields: readonly string[]): boolean {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return false; // `over` comes
    stream.additionalHeaders(headersOf({ ":status": 103 }, fields));
    return true;
  }

  override get sendsExtras(): boolean {
    return true;
  }

  protected override writeTrailers(fields: readonly string[]): void {
    this.#trailers = headersOf({}, fields);
  }

  protected writeChunk(chunk: Chunk): boolean {
    if (this.#head !== undefined)
      this.#stream.on("drain", () => this.proceed());
    this.#sendHead(false);
    return this.#stream.write(chunk);
  }

  protected writeEnd(last: Chunk | undefined): boolean {
    const stream = this.#stream;
    const endsHere = last === undefined && this.trailing === undefined;
    if (stream.destroyed || stream.closed) return false; // `over` comes
    this.#isGiven = true;
    this.#sendHead(endsHere);
    if (!stream.endAfterHeaders) stream.once("finish", () => this.#finished());
    if (last === undefined) stream.end();
    else stream.end(last);
    return stream.writableLength <= FRAME_BYTES;
  }

  /** The rest of a body that nobody has wanted is dropped, for a while: a reset could overtake the reply. */
  #finished(): void {
    const stream = this.#stream;
    this.finish();
    if (stream.endAfterHeaders || stream.readableEnded) return;
    stream.resume();
    this.#limit = setTimeout(
      () => stream.close(constants.NGHTTP2_NO_ERROR), // RFC 9113, section 8.1
      LINGER_MS,
    );
  }

  /** By an error: what is only closed may seem to have ended (Node.js 24). */
  protected cut(): void {
    this.#stream.destroy(new Error("the reply is not complete"));
  }
}
