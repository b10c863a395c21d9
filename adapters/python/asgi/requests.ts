/** What applications with ASGI do with requests. */
import { until, type Operation } from "eddy/operations";
import {
  asksForWebSocket,
  seen,
  type GatewayRequest,
  type Reply,
} from "../../../lib/adapter.ts";
import { callOf, submitTo } from "../../common/submit.ts";
import { Upload } from "../call.ts";
import type { Dispatcher } from "../dispatcher.ts";
import { INLINE_BYTES } from "../protocol.ts";
import { AsgiCall } from "./call.ts";
import { ScopeWriter } from "./scope.ts";
import { SocketCall } from "./socket-call.ts";

export class AsgiRequests {
  readonly #scope = new ScopeWriter();
  /** As which a request is traced. */
  readonly #spanName: string;
  readonly #waitsFor: string;

  /** `waitsFor` is seen in `loop.tasks()`. */
  constructor(app: string, waitsFor: string) {
    this.#spanName = `python ${app}`;
    this.#waitsFor = waitsFor;
  }

  handle(request: GatewayRequest, dispatcher: Dispatcher): Operation<Reply> {
    if (request.hasBody) return this.#submitBody(request, dispatcher);
    if (asksForWebSocket(request)) return this.#open(request, dispatcher);
    return this.#submit(request, dispatcher);
  }

  #submit(
    request: GatewayRequest,
    dispatcher: Dispatcher,
    upload?: Upload,
  ): Operation<Reply> {
    const call = callOf(request, this.#spanName);
    const head = this.#scope.write(request, "http", call);
    const submitted = submitTo<AsgiCall>(
      dispatcher,
      (receiver) => new AsgiCall(request, head, upload, receiver),
      this.#waitsFor,
    );
    return call === undefined ? submitted : seen(call, submitted);
  }

  /** A small body travels with its request; of others the application reads what comes. */
  *#submitBody(
    request: GatewayRequest,
    dispatcher: Dispatcher,
  ): Operation<Reply> {
    const upload = new Upload(request);
    const length = Number(request.headers.get("content-length") ?? Infinity);
    if (length <= INLINE_BYTES) yield* until(upload.begin());
    return yield* this.#submit(request, dispatcher, upload);
  }

  #open(request: GatewayRequest, dispatcher: Dispatcher): Operation<Reply> {
    const head = this.#scope.write(request, "websocket");
    return submitTo<SocketCall, Reply>(
      dispatcher,
      (receiver) => new SocketCall(request, head, receiver),
      this.#waitsFor,
    );
  }
}
