/** What application authors import. */
export {
  serialize as serializeCookie,
  type SerializeOptions as CookieOptions,
} from "cookie";
export * from "./common/errors.ts";
export type { Logger } from "./common/log.ts";
export type {
  Address,
  EngineChoice,
  ListenOptions,
  TlsOptions,
} from "./engine/listen-options.ts";
export type { AccessLog, AccessRecord } from "./exchange/access-log.ts";
export type * from "./exchange/application.ts";
export type { MountOptions } from "./exchange/limits.ts";
export type { Tally } from "./exchange/shared.ts";
export type { TaskView } from "./kernel/tree.ts";
export type {
  CloseLimits,
  CloseOptions,
  DrainReport,
  HaltedExchange,
} from "./loop/drain.ts";
export { Loop, type LoopTasks } from "./loop/loop.ts";
export type { ConnectionCounts } from "./engine/visits.ts";
export type { LoopOptions } from "./loop/options.ts";
export { bindContext } from "./reply/bind-context.ts";
export type { CheckedHeaders } from "./reply/headers.ts";
export {
  html,
  json,
  redirect,
  stream,
  text,
  type ReplyInit,
} from "./reply/reply.ts";
export type * from "./reply/types.ts";
export type { RequestHeaders } from "./request/headers.ts";
export type { GatewayRequest } from "./request/request.ts";
