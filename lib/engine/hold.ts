/**
 * Holding back a client, which sends faster than the application takes it: the body of a request, or messages.
 *
 * Engines do not watch a paused connection, in neither direction, so now and then somebody looks whether the client is
 * still there.
 */

/** Milliseconds after which a client that is held back may have left without being noticed. */
export const LOOK_MS = 5000;

/** Of sockets: three looks are within ten seconds. The first asks, the others hear. */
const ASK_MS = 3000;

interface Pausable {
  pause(): void;
  resume(): void;
}

/**
 * Of a request: it is let go for one turn of the loop. Not for longer: letting go starts the clock of uWebSockets.js
 * for idle clients, and a client that has sent its whole body is silent, but not idle.
 */
export class Hold {
  readonly #client: Pausable;
  readonly #everyMs: number;
  /** Set while the client is held back. */
  #timer: NodeJS.Timeout | undefined;

  constructor(client: Pausable, everyMs = LOOK_MS) {
    this.#client = client;
    this.#everyMs = everyMs;
  }

  get holds(): boolean {
    return this.#timer !== undefined;
  }

  /** Each time that something has come: the engine has started its clock then. */
  hold(): void {
    this.#client.pause();
    this.#timer ??= setInterval(() => this.look(), this.#everyMs);
  }

  release(): void {
    if (this.#timer === undefined) return;
    this.forget();
    this.#client.resume();
  }

  /** The connection is gone, or the engine watches it anyway. */
  forget(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  protected look(): void {
    this.#client.resume();
    setImmediate(() => {
      if (this.holds) this.#client.pause();
    });
  }
}

interface Socket extends Pausable {
  ping(): void;
}

/**
 * Of a WebSocket, whose client may have left behind megabytes that nobody has read: it is sent a ping. The system of
 * one that has left answers with a reset, which the next ping meets. Nothing is read for that from a client that is
 * there.
 */
export class SocketHold extends Hold {
  readonly #socket: Socket;
  /** Milliseconds after which an engine needs to hear of its client, or takes it for idle. */
  readonly #hearsEveryMs: number;
  #silentMs = 0;

  constructor(socket: Socket, hearsEveryMs = Infinity) {
    super(socket, ASK_MS);
    this.#socket = socket;
    this.#hearsEveryMs = hearsEveryMs;
  }

  protected override look(): void {
    this.#socket.ping();
    this.#silentMs += ASK_MS;
    if (this.#silentMs < this.#hearsEveryMs) return;
    this.#silentMs = 0;
    super.look();
  }
}
