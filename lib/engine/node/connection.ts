/**
 * One connection of node:http. Requests that came behind another one wait until it is their turn, which is when Node
 * gives the socket to their response: so behind the last reply of a connection nothing is served, and nobody writes
 * into the memory what a client does not take.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { REASONS } from "../../common/reasons.ts";
import type { NodePeer } from "./head.ts";
import type { HttpOutlet } from "./outlet.ts";

/** Requests that wait on one connection before it is not read any more. */
const WAITING_AT_MOST = 100;

/** Milliseconds from a client's FIN until it is looked whether the client is still there; doubled each time. */
const LOOK_MS = 50;

/** Milliseconds that a client has to read the last reply and to close its side. */
const LINGER_MS = 5000;

/** Requests that wait on all connections of a listener. */
export class Queue {
  length = 0;
}

/** Of them; whoever adds to more is cut off. */
const WAITING_IN_ALL = 10_000;

export class Connection {
  readonly peer: NodePeer;
  /** Of the request whose turn it is, or was last. */
  outlet: HttpOutlet | undefined;
  readonly #socket: Socket;
  readonly #queue: Queue;
  readonly #idleTimeoutMs: number;
  #waiting = 0;
  /** The response to the request that was understood last, and whether its body was not. */
  #last: ServerResponse<IncomingMessage> | undefined;
  #isBroken = false;
  /** What follows is not looked at any more. */
  #isRefused = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    socket: Socket,
    peer: NodePeer,
    queue: Queue,
    idleTimeoutMs: number,
    halfOpen: boolean,
  ) {
    this.#socket = socket;
    this.peer = peer;
    this.#queue = queue;
    this.#idleTimeoutMs = idleTimeoutMs;
    socket.on("end", () =>
      halfOpen ? this.#halfClosed() : socket.destroySoon(),
    );
    socket.on("close", () => {
      this.#queue.length -= this.#waiting;
      clearTimeout(this.#timer);
    });
  }

  /** All that has come is answered, and the connection is no response's any more: Node takes it back a moment later. */
  get isIdle(): boolean {
    const last = this.#last;
    return (
      last === undefined || (last.writableFinished && last.socket === null)
    );
  }

  /** `serve` is called when it is its turn: at once where nothing is before it, never behind the last reply. */
  line(
    request: IncomingMessage,
    response: ServerResponse<IncomingMessage>,
    serve: (
      request: IncomingMessage,
      response: ServerResponse,
      connection: Connection,
    ) => void,
  ): void {
    if (!this.#socket.writable) return; // nor on a connection that is cut
    this.#last = response;
    if (response.socket !== null) return serve(request, response, this);
    this.#wait(1);
    response.once("socket", () =>
      process.nextTick(() => {
        // behind Node, which is not done with giving it the socket, and reads on
        this.#wait(-1);
        if (this.#isBroken && response === this.#last) this.#endWith(400);
        else serve(request, response, this);
      }),
    );
  }

  #wait(change: 1 | -1): void {
    this.#waiting += change;
    this.#queue.length += change;
    if (change > 0 && this.#queue.length > WAITING_IN_ALL)
      this.#socket.destroy();
    else if (this.#waiting >= WAITING_AT_MOST) this.#socket.pause();
    else this.#socket.resume();
  }

  /**
   * What the client sends cannot be understood, or takes too long. The replies to what was understood go first; who
   * waits for the rest of a body is told that its client is gone.
   */
  refuse(status: number): void {
    if (this.#isRefused || this.outlet?.isLast === true) return;
    this.#isRefused = true;
    const last = this.#last;
    if (last === undefined || last.writableFinished) this.#endWith(status);
    else if (last.req.complete)
      last.once("finish", () => this.#endWith(status));
    else if (last.socket === null) this.#isBroken = true;
    else if (last.headersSent) this.#socket.destroy();
    else {
      this.outlet?.leave();
      this.#endWith(status);
    }
  }

  /** The client has time to read it: a connection that is closed while there is something to be read is reset. */
  #endWith(status: number): void {
    this.#socket.end(
      `HTTP/1.1 ${status} ${REASONS[status]}\r\n` +
        `connection: close\r\ncontent-length: 0\r\ndate: ${new Date().toUTCString()}\r\n\r\n`,
    );
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#socket.destroy(), LINGER_MS);
  }

  /** Nothing has come or gone for as long as may be: is that the client's fault? */
  silent(): void {
    if (this.outlet?.waitsForApplication === true)
      this.#socket.setTimeout(this.#idleTimeoutMs);
    else this.#socket.destroy();
  }

  /**
   * A client that sends nothing more may wait for its reply, or may have left: both look the same. So it gets its
   * reply; where that takes a while, it is sent something that means nothing, from time to time. Of a client that has
   * left, its system says so to the first, and ours to the next.
   */
  #halfClosed(): void {
    if (this.#last?.headersSent === false) this.#last.shouldKeepAlive = false;
    this.#look(LOOK_MS);
  }

  #look(afterMs: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (this.outlet?.isOpen !== true) return;
      this.outlet.probe();
      this.#look(2 * afterMs);
    }, afterMs);
  }
}
