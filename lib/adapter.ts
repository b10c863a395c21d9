/** What adapter authors import: the contract that an adapter turns a foreign application into. */
export {
  BodyUsedError,
  ClientAbortedError,
  GatewayError,
  HaltedError,
  HttpError,
  InvalidReplyError,
  PythonError,
  PythonLostError,
  PythonStartError,
  PythonTimeoutError,
  ThreadLostError,
  ThreadsBusyError,
  ThreadStartError,
  ThreadTimeoutError,
  UpstreamError,
  UpstreamTimeoutError,
  UsageError,
  WsgiError,
} from "./errors.ts";
export { addHeaders, CGI_VARIABLES, toNative } from "./cgi.ts";
export type { CgiRequest } from "./cgi.ts";
export { CheckedHeaders, RequestHeaders } from "./headers.ts";
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
  Surroundings,
} from "./types.ts";
export { endToEnd } from "./upstream/fields.ts";
export { forward, type Prepared } from "./upstream/forward.ts";
export {
  MILLISECONDS,
  upstreamSettings,
  type UpstreamOptions,
} from "./upstream/options.ts";
export { targetsFrom, type Target } from "./upstream/target.ts";
export { Upstreams } from "./upstream/upstreams.ts";
export { blockSize, encodePacket, MAX_BLOCK } from "./uwsgi/packet.ts";
