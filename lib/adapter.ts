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
} from "./common/errors.ts";
export {
  AMOUNT,
  checkOptions,
  COUNT,
  COUNT_OR_INFINITY,
  MAX_TIMER_MS,
  SWITCH,
  TEXT,
  type Rule,
} from "./common/checked-options.ts";
export { HOP_BY_HOP } from "./common/hop-by-hop.ts";
export { CheckedHeaders } from "./reply/headers.ts";
export { RequestHeaders } from "./request/headers.ts";
export { makePrivateFolder } from "./common/private-folder.ts";
export { backoffMs, randomLifetime } from "./common/replacement.ts";
export type { Logger } from "./common/log.ts";
export type { GatewayRequest } from "./request/request.ts";
export type {
  Application,
  Handler,
  OpenApplication,
  Surroundings,
} from "./exchange/application.ts";
export type {
  Chunk,
  GatewayResponse,
  Reply,
  ReplyHeaders,
} from "./reply/types.ts";
export { isOperation } from "./operations/is-operation.ts";
