/** What adapter authors import: the contract that an adapter turns a foreign application into. */
export {
  GatewayError,
  HttpError,
  InvalidReplyError,
  WsgiError,
} from "./errors.ts";
export { CheckedHeaders, type RequestHeaders } from "./headers.ts";
export type { Logger } from "./log.ts";
export type { GatewayRequest } from "./request.ts";
export type {
  Application,
  Chunk,
  GatewayResponse,
  Handler,
  OpenApplication,
  Reply,
  ReplyHeaders,
} from "./types.ts";
