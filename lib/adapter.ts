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
export {
  AMOUNT,
  checkOptions,
  COUNT,
  COUNT_OR_INFINITY,
  MAX_TIMER_MS,
  SWITCH,
  TEXT,
  type Rule,
} from "./checked-options.ts";
export { addHeaders, CGI_VARIABLES, toNative } from "./cgi.ts";
export type { CgiRequest } from "./cgi.ts";
export { CheckedHeaders, RequestHeaders } from "./headers.ts";
export { makePrivateFolder } from "./private-folder.ts";
export { backoffMs, wornAfter } from "./replacement.ts";
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
