/** What application authors import. */
export {
  serialize as serializeCookie,
  type SerializeOptions as CookieOptions,
} from "cookie";
export {
  BadRequestError,
  BodyStorageError,
  BodyTimeoutError,
  BodyTooLargeError,
  BodyUsedError,
  ClientAbortedError,
  DrainedError,
  EngineError,
  GatewayError,
  HaltedError,
  HeadersTooLargeError,
  HttpError,
  InvalidReplyError,
  ListenError,
  MalformedRequestError,
  MethodNotAllowedError,
  NotFoundError,
  OverloadedError,
  RequestTimeoutError,
  PythonError,
  PythonLostError,
  PythonStartError,
  PythonTimeoutError,
  ThreadLostError,
  ThreadsBusyError,
  UpstreamError,
  UpstreamTimeoutError,
  ThreadStartError,
  ThreadTimeoutError,
  UnsupportedMediaTypeError,
  UsageError,
  WsgiError,
  type ErrorCode,
  type Fault,
} from "./common/errors.ts";
export type { CheckedHeaders } from "./reply/headers.ts";
export type { RequestHeaders } from "./request/headers.ts";
export type {
  Address,
  ListenOptions,
  TlsOptions,
} from "./engine/listen-options.ts";
export type { AccessLog, AccessRecord } from "./exchange/access-log.ts";
export type { Logger } from "./common/log.ts";
export type { TaskView } from "./kernel/tree.ts";
export type {
  CloseLimits,
  CloseOptions,
  DrainReport,
  HaltedExchange,
} from "./loop/drain.ts";
export type { Tally } from "./exchange/shared.ts";
export { Loop, type LoopTasks } from "./loop/loop.ts";
export type { LoopOptions } from "./loop/options.ts";
export type { MountOptions } from "./exchange/limits.ts";
export {
  html,
  json,
  redirect,
  stream,
  text,
  type ReplyInit,
} from "./reply/reply.ts";
export type { GatewayRequest } from "./request/request.ts";
export type {
  Application,
  Handler,
  OpenApplication,
  Surroundings,
} from "./exchange/application.ts";
export type {
  BodyWriter,
  Chunk,
  GatewayResponse,
  Reply,
  ReplyBody,
  ReplyHeaders,
  StreamWriter,
} from "./reply/types.ts";
export type { Outcome } from "./common/errors.ts";
