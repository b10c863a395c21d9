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
} from "./errors.ts";
export type { CheckedHeaders, RequestHeaders } from "./headers.ts";
export type { Address, ListenOptions, TlsOptions } from "./listener.ts";
export type { AccessLog, AccessRecord, Logger } from "./log.ts";
export type { TaskView } from "./kernel/tree.ts";
export type {
  CloseLimits,
  CloseOptions,
  DrainReport,
  HaltedExchange,
} from "./drain.ts";
export type { Tally } from "./host.ts";
export { Loop, type LoopTasks } from "./loop.ts";
export type { LoopOptions, MountOptions } from "./options.ts";
export { html, json, redirect, stream, text, type ReplyInit } from "./reply.ts";
export type { GatewayRequest } from "./request.ts";
export type {
  Application,
  BodyWriter,
  Chunk,
  GatewayResponse,
  Handler,
  OpenApplication,
  Outcome,
  Reply,
  ReplyBody,
  ReplyHeaders,
  StreamWriter,
  Surroundings,
} from "./types.ts";
