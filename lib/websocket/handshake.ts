/** What a request for an upgrade must be (RFC 6455, section 4.2.1), and whose page may ask for one. */
import {
  BadRequestError,
  OriginError,
  UpgradeRequiredError,
} from "../common/errors.ts";
import { TOKEN } from "../common/fields.ts";
import type { GatewayRequest } from "../request/request.ts";
import type { WebSocketSettings } from "./options.ts";

/** 16 bytes in base64. */
const KEY = /^[A-Za-z0-9+/]{22}==$/;

const UPGRADE_OPTION = /(?:^|[\s,])upgrade(?:$|[\s,])/i;

/** It asks for a WebSocket, in whatever version, and whoever it is. */
export const asksForWebSocket = ({
  method,
  headers,
}: GatewayRequest): boolean =>
  method === "GET" &&
  headers.get("upgrade")?.toLowerCase() === "websocket" &&
  UPGRADE_OPTION.test(headers.get("connection") ?? "");

/**
 * @throws {UpgradeRequiredError} (426) for a request for anything else, or for another version.
 * @throws {BadRequestError} (400) without a key.
 * @throws {OriginError} (403) from a page of somebody else.
 */
export function checkHandshake(
  request: GatewayRequest,
  origins: WebSocketSettings["origins"],
): void {
  const { headers, host } = request;
  const asks = asksForWebSocket(request);
  if (!asks || headers.get("sec-websocket-version") !== "13")
    throw new UpgradeRequiredError();
  if (!KEY.test(headers.get("sec-websocket-key") ?? ""))
    throw new BadRequestError("sec-websocket-key is not 16 bytes in base64");
  const origin = headers.get("origin");
  if (origin !== undefined && !mayConnect(origin, host, origins))
    throw new OriginError();
}

function mayConnect(
  origin: string,
  host: string,
  origins: WebSocketSettings["origins"],
): boolean {
  if (origins === "any") return true;
  if (typeof origins === "function") return origins(origin, host);
  if (origins !== "same") return origins.includes(origin);
  return URL.canParse(origin) && new URL(origin).host === bare(host, origin);
}

/** Without the port that is the scheme's own, which `Origin` leaves out. */
function bare(host: string, origin: string): string {
  const { protocol } = new URL(origin);
  return URL.canParse(`${protocol}//${host}`)
    ? new URL(`${protocol}//${host}`).host
    : host;
}

/** The protocols that the client offers, the one it likes best first (section 11.3.4). */
export function offeredProtocols({ headers }: GatewayRequest): string[] {
  const offers = headers.get("sec-websocket-protocol") ?? "";
  return offers
    .split(",")
    .map((offer) => offer.trim())
    .filter((offer) => TOKEN.test(offer));
}
