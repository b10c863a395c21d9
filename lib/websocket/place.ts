/** Where connections are upgraded, and what its sockets came to. */
import { HttpError } from "../common/errors.ts";
import { noCounts } from "./counts.ts";
import { asksForWebSocket, checkHandshake } from "./handshake.ts";
import type { WebSocketSettings } from "./options.ts";
import { Subscriptions } from "./subscriptions.ts";
import type { GatewayRequest } from "../request/request.ts";

export class Place {
  readonly settings: WebSocketSettings;
  readonly counts = noCounts();
  readonly subscriptions = new Subscriptions();

  constructor(settings: WebSocketSettings) {
    this.settings = settings;
  }

  /** The handler, which sees what asks for a WebSocket only if it may, and everything else. */
  watch<Result>(
    handle: (request: GatewayRequest) => Result,
  ): (request: GatewayRequest) => Result {
    const { origins } = this.settings;
    return (request) => {
      if (asksForWebSocket(request)) checkHandshake(request, origins);
      return handle(request);
    };
  }

  /** The handler, which sees only what asks for a WebSocket, and may. */
  guard<Result>(
    handle: (request: GatewayRequest) => Result,
  ): (request: GatewayRequest) => Result {
    const { origins } = this.settings;
    return (request) => {
      checkHandshake(request, origins);
      return handle(request);
    };
  }
}

/** The handler of an application that has WebSockets, where there are to be none. */
export const refuseUpgrades =
  <Result>(handle: (request: GatewayRequest) => Result) =>
  (request: GatewayRequest): Result => {
    if (asksForWebSocket(request))
      throw new HttpError(403, "there are no WebSockets here");
    return handle(request);
  };
