/** The outlet of a request for a WebSocket, at a place where one can be had. */
import type { Accept } from "../socket.ts";
import type { HttpResponse } from "./load.ts";
import { UwsOutlet } from "./outlet.ts";
import type { Packet } from "./packet.ts";
import { writeHead } from "./reply-head.ts";
import { UwsSocket, type Handshake } from "./socket.ts";
import type { SpareCork } from "./spare-cork.ts";

export class UpgradeOutlet extends UwsOutlet {
  readonly #res: HttpResponse;
  readonly #handshake: Handshake;
  readonly #spare: SpareCork;
  #requestId: string | undefined;
  /** In which what is written is corked by the engine, which knows of connections that are upgraded there. */
  #inRouteCallback = true;

  constructor(
    res: HttpResponse,
    packet: Packet,
    fields: readonly string[],
    handshake: Handshake,
    spare: SpareCork,
  ) {
    super(res, packet, fields);
    this.#res = res;
    this.#handshake = handshake;
    this.#spare = spare;
  }

  override identify(requestId: string): void {
    super.identify(requestId);
    this.#requestId = requestId;
  }

  override returned(): void {
    super.returned();
    this.#inRouteCallback = false;
  }

  upgrade(accept: Accept): void {
    if (this.state !== "waiting") return;
    const { head, protocol } = accept;
    const { key, extensions, context, app } = this.#handshake;
    this.status = head.status;
    this.state = "ended";
    const socket = new UwsSocket(accept, app, this.#res);
    const switchProtocols = (): void => {
      this.#res.upgrade({ socket }, key, protocol, extensions, context);
    };
    this.#res.cork(() => writeHead(this.#res, head, this.#requestId));
    if (this.#inRouteCallback) switchProtocols();
    else this.#spare.run(switchProtocols);
  }
}
