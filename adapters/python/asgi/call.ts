/** One request for an application with ASGI, and its reply. */
import type { Operation } from "eddy/operations";
import type {
  GatewayRequest,
  GatewayResponse,
  Reply,
} from "../../../lib/adapter.ts";
import type { ReplyReceiver } from "../../common/submit.ts";
import { PythonCall, type CallConnection, type Upload } from "../call.ts";
import { FROM_WORKER, type WorkerFrame } from "../protocol.ts";
import { FLAG, FROM_ASGI, pairsIn, WINDOW } from "./protocol.ts";

/** What it needs of the connection that it was given to. */
export interface AsgiCallConnection extends CallConnection {
  /** Its client has taken so many bytes more. */
  acknowledge(call: AsgiCall, bytes: number): void;
  /** Sends a piece of its body or a message, and waits while the application is behind. */
  sendPaced(type: number, call: AsgiCall, piece: Uint8Array): Operation<void>;
  /** Its WebSocket has closed. */
  closed(call: AsgiCall, code: number, reason: string): void;
}

export class AsgiCall extends PythonCall {
  /** At its connection, where others have it afterwards. */
  number = 0;
  /** How many requests its connection had been given with it. */
  place = 0;
  /** `runs`: its reply is to come. `alone`: the application goes on behind it, or without a client. */
  phase: "runs" | "alone" | "over" = "runs";
  /** When something was heard of it, or it was given something; as `performance.now()` has it. */
  lastProgress = 0;
  /** Undefined where none were announced. */
  #trailers: [string, string][] | undefined;
  /** Bytes of the reply that the client has taken, and the worker was not told of. */
  #taken = 0;
  /** Bytes of the body that the application has not taken. */
  #behind = 0;
  #whenRead: (() => void) | undefined;

  constructor(
    request: GatewayRequest,
    head: string,
    upload: Upload | undefined,
    receiver: ReplyReceiver<Reply>,
  ) {
    super(request, head, upload, receiver, undefined);
  }

  /** Its process is replaced, and it may go on for as long as it takes. */
  retire(): void {}

  /** Flags of its request. */
  get flags(): number {
    const isHead = this.request.method === "HEAD";
    return (this.streams ? FLAG.streamed : 0) | (isHead ? FLAG.isHead : 0);
  }

  /** The time that it may take is over when there is a head. */
  get isLimited(): boolean {
    return this.open && !this.replies;
  }

  override taken(_chunks: number, length: number): void {
    this.#taken += length;
    if (this.#taken < WINDOW / 4) return;
    this.#acknowledge(this.#taken);
    this.#taken = 0;
  }

  #acknowledge(bytes: number): void {
    (this.connection as AsgiCallConnection | undefined)?.acknowledge(
      this,
      bytes,
    );
  }

  /** The application is behind by a window. `pushed`: so many bytes are sent to it. */
  isBehind(pushed: number): boolean {
    this.#behind += pushed;
    return this.#behind > WINDOW;
  }

  /** Calls `go` when the application has taken some of the body, or nobody waits for it any more. */
  whenRead(go: () => void): () => void {
    this.#whenRead = go;
    return () => (this.#whenRead = undefined);
  }

  /** The application has taken so many bytes of the body, or of messages. */
  read(bytes: number): void {
    this.#behind -= bytes;
    this.wake();
  }

  /** Whoever sends its body looks again. */
  wake(): void {
    this.#whenRead?.();
  }

  /** Takes a frame of its reply that only ASGI has. */
  hear({ type, bytes, start, end }: WorkerFrame): void {
    if (type === FROM_ASGI.read) this.read(bytes.readUInt32LE(start));
    if (!this.open) return;
    const fields = pairsIn(bytes.toString("latin1", start, end));
    if (type === FROM_ASGI.hint) this.request.hint(fields);
    else if (type === FROM_ASGI.trailers) this.#trailers = fields;
  }

  override receive(frame: WorkerFrame): void {
    if (frame.type !== FROM_ASGI.trailedHead) return super.receive(frame);
    this.#trailers = [];
    super.receive({ ...frame, type: FROM_WORKER.head });
  }

  /** Trailers are asked for behind the body, by engines that have some. */
  protected override complete(response: GatewayResponse): GatewayResponse {
    if (this.#trailers === undefined) return response;
    return { ...response, trailers: () => this.#trailers! };
  }
}

/** Whether its reply is complete with this frame. */
export const endsReply = ({ type }: WorkerFrame): boolean =>
  type < FROM_WORKER.log && (type & (FROM_WORKER.end | FROM_WORKER.fail)) > 0;
