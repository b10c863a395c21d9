/**
 * The seam between the gateway and what speaks HTTP with its clients. Types only.
 *
 * It is cut above corks, write offsets and buffers: an engine says what a request asks (`Head`), takes what is answered
 * (`Outlet`), and keeps to itself how bytes come and go.
 */
import type { X509Certificate } from "node:crypto";
import type { Entrance, Scheme } from "./entrance.ts";
import type { Address, ListenOptions } from "./listen-options.ts";
import type { Chunk, ReplyHead } from "./message.ts";
import type { Accept, SocketConnection, SocketPlace } from "./socket.ts";
import type { Certificate } from "./tls-files.ts";

export type { Chunk, ReplyHead, Scheme };

/**
 * What a request says before its body. All of it is the request's own: it may be read at any time, also after the
 * reply.
 */
export interface Head {
  /** As sent: methods are case-sensitive (RFC 9110, section 9.1). */
  readonly method: string;
  /** The path as sent, percent-escapes kept, without the query. */
  readonly path: string;
  /** What follows the `?`, as sent; empty without one. */
  readonly query: string;
  /** Header fields: name, value, name, value, … in the order they came; names in lower case. */
  readonly fields: readonly string[];
  /** As in a log line: `HTTP/1.1`. */
  readonly protocol: string;
  readonly peer: Peer;
}

/**
 * The other end of a connection. Asked for lazily, as it may take a system call, and remembered. What nobody asked for
 * while the exchange lasted is undefined.
 */
export interface Peer {
  /** Empty on a Unix socket. */
  readonly address: string | undefined;
  /** From a header of the PROXY protocol, which anybody can send; empty without one. */
  readonly proxiedAddress: string | undefined;
  /** That it has shown, and an authority of the listener vouches for. */
  readonly certificate?: X509Certificate | undefined;
}

/** The field that carries the id of a request. */
export const REQUEST_ID_FIELD = "x-request-id";

/**
 * `waiting`: nothing has been written. `streaming`: the head has, and the body follows. `ended`: the reply is complete
 * for the gateway, or the connection has become a socket. `gone`: the client went away, or the connection was cut.
 */
export type OutletState = "waiting" | "streaming" | "ended" | "gone";

/** The next chunk of a body, or its end. */
export type Step = IteratorResult<Chunk, unknown>;

/** Where the body of a request comes from. */
export interface Inlet {
  /** Where the body goes. To be called before `serve` returns, or with `returned`. `data` is the engine's: copy it. */
  onData(push: (data: Uint8Array, isLast: boolean) => void): void;
  /** Asks the client to hold the body back; what is on its way still comes. */
  pause(): void;
  resume(): void;
  /**
   * Fields that came behind the body, as those of a `Head`; none before it is over. Undefined: the engine reads none.
   */
  readonly trailers?: readonly string[];
}

/**
 * The way of a reply to its client, one for each exchange.
 *
 *     waiting ──send, sendPlain, sendHead──► ended        the head and the whole body at once
 *     waiting ──start──► streaming ──end──► ended
 *     waiting ──upgrade──► ended                          the connection is a socket's from now on
 *     waiting, streaming ──close, client gone──► gone
 *
 * A call that the state does not allow does nothing: the client may be gone at any time, and whoever writes learns it
 * from `state`. A whole body that the socket does not take at once is `streaming` until it is on its way.
 */
export interface Outlet extends Inlet {
  readonly state: OutletState;
  /** Undefined while there is none. */
  readonly status: number | undefined;
  /** Body bytes handed to the engine. */
  readonly bytes: number;
  /** The client was behind, and the engine does not say when it has taken the end. */
  readonly lags: boolean;
  /** `tell` is called when the client goes away. Due before the microtasks end that follow `serve`. */
  onGone(tell: () => void): void;
  /** What `serve` was called for has returned: from now on the engine works on other requests. */
  returned(): void;
  /** The reply is to carry the id, unless the application gives one itself. */
  identify(requestId: string): void;
  /** Interim replies and trailers can be sent to this client. Undefined: the engine has none. */
  readonly sendsExtras?: boolean;
  /**
   * Sends an interim reply, 103 (RFC 8297). `fields`: checked, as those of a `ReplyHead`. False: it cannot be sent to
   * this client, or not any more. Undefined: the engine has none.
   */
  hint?(fields: readonly (string | Buffer)[]): boolean;
  /** The hot path: 200, a content-type and a whole body. */
  sendPlain(contentType: string, body: Chunk): void;
  send(head: ReplyHead, body: Chunk): void;
  /**
   * As `send`, or as `sendHead` without a body, with a head that says `close`. The connection ends at once: of what
   * came behind the request not a byte is looked at, because nobody can say where the request ends.
   */
  sever(head: ReplyHead, body: string | undefined): void;
  /** A head alone, for HEAD, 204 and 304. `length` is what a body would have had, where that is known. */
  sendHead(head: ReplyHead, length: number | undefined): void;
  /** Begins a streamed body; the head leaves with the first chunk. */
  start(head: ReplyHead): void;
  /**
   * Sends a chunk of a streamed body. False: it is time to wait for `writable()`.
   *
   * @throws {InvalidReplyError} when the body grows longer than the promised length.
   */
  write(chunk: Chunk): boolean;
  /**
   * Sends `step`, and then what `rest` gives, in as few pieces as the engine can. True: `rest` has ended, or the client
   * is gone; false: it is time to wait for `writable()`. What `rest` throws comes out here.
   */
  writeAll(step: Step, rest: { next(): Step }): boolean;
  /** Resolves when the client can take more, or is gone; at the earliest after everybody else's turn. */
  writable(): Promise<void>;
  /** Resolves when a whole body is on its way, or the client is gone. */
  taken(): Promise<void>;
  /**
   * Nothing more will be written.
   *
   * @throws {InvalidReplyError} when the body is shorter than the promised length.
   */
  end(): void;
  /** Cuts the connection: the client must see that the reply is not complete. */
  close(): void;
  /** 101: from now on the connection is a socket. Missing unless the client asks for one, where one can be had. */
  upgrade?(accept: Accept): void;
}

/** Serves one request. Called by an engine; never throws. */
export type Serve = (head: Head, outlet: Outlet, entrance: Entrance) => void;

/** One listening address. */
export interface Listener {
  readonly address: Address;
  /** Those that it shows its clients now, where it speaks TLS. */
  readonly certificates?: readonly Certificate[];
  /**
   * Reads the files of TLS anew. What it gives puts them to use for new connections; those that are open go on.
   *
   * @throws {ListenError} naming the file, and what is wrong; nothing has changed then.
   */
  renewal?(): () => void;
  /** Resolves when those connections are taken that came before: it is to stop. */
  untilTaken(): Promise<void>;
  /** Takes no new connections. */
  stop(): void;
  /** Resolves when no connection is left, or when `signal` fires. */
  untilUnused(signal: AbortSignal): Promise<void>;
  /** To all of its sockets that have subscribed to the topic. Missing where there can be none. */
  publish?(
    topic: string,
    message: Chunk,
    compress: boolean,
    except: SocketConnection | undefined,
  ): void;
  /** Cuts the connections that are left; done when those are gone that a reply is still on its way through. */
  destroy(): void | Promise<void>;
}

/** What all connections of a listener are held to. */
export interface ConnectionLimits {
  /** Milliseconds that a connection may be silent. */
  readonly idleTimeoutMs?: number | undefined;
  /** How those of `trustProxy` say who asks: an engine that does not read PROXY headers anyway has to look for them. */
  readonly proxyHeader?: string;
  readonly trustProxy?: readonly string[];
  /** Where connections may be upgraded. */
  readonly sockets?: readonly SocketPlace[];
}

/** What speaks HTTP with clients. */
export interface Engine {
  readonly name: string;
  /**
   * Opens a listener. `entrance`: what its requests have in common.
   *
   * @throws {ListenError} saying what is in the way.
   * @throws {UsageError} for an option that this engine does not have.
   */
  listen(
    target: ListenOptions,
    serve: Serve,
    limits?: ConnectionLimits,
    entrance?: Entrance,
  ): Promise<Listener>;
}
