/** What application authors import. */
export {
  serialize as serializeCookie,
  type SerializeOptions as CookieOptions,
} from "cookie";
export type { Broker, BrokerEvents, Link } from "./brokers/broker.ts";
export type { Traces } from "./traces/trace.ts";
export * from "./common/errors.ts";
export type { Logger } from "./common/log.ts";
export type {
  Address,
  CertificateFiles,
  ClientVerification,
  EngineChoice,
  ListenOptions,
  TlsOptions,
  TlsVersion,
} from "./engine/listen-options.ts";
export type { InjectedRequest } from "./engine/memory/ask.ts";
export type { AccessLog, AccessRecord } from "./exchange/access-log.ts";
export type * from "./exchange/application.ts";
export type { RouteFigures } from "./exchange/figures.ts";
export type { MountOptions } from "./exchange/limits.ts";
export type { Tally } from "./exchange/shared.ts";
export type { TaskView } from "./kernel/tree.ts";
export type {
  CloseLimits,
  CloseOptions,
  DrainReport,
  HaltedExchange,
} from "./loop/drain.ts";
export type { Repeated } from "./loop/every.ts";
export { Loop, type LoopTasks } from "./loop/loop.ts";
export type { ParamsOf } from "./loop/mounts.ts";
export type { ConnectionCounts } from "./engine/visits.ts";
export type { LoopOptions } from "./loop/options.ts";
export type { Answer } from "./middleware/answer.ts";
export type { Middleware, Next } from "./middleware/compose.ts";
export type {
  EditableHeaders,
  EditableReply,
} from "./middleware/editable-reply.ts";
export { bindContext } from "./reply/bind-context.ts";
export {
  events,
  type EventsOptions,
  type EventStreamWriter,
  type EventWriter,
  type ServerSentEvent,
} from "./reply/events.ts";
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
export { asWs, type AsWs, type WsRequest } from "./websocket/as-ws.ts";
export type { Close } from "./websocket/channel.ts";
export type { PlaceCounts, SocketCounts } from "./websocket/counts.ts";
export type { WebSocketOptions } from "./websocket/options.ts";
export type { Message } from "./websocket/reading.ts";
export type { Socket } from "./websocket/socket.ts";
export type { DrainedSockets } from "./websocket/sockets.ts";
export {
  upgrade,
  type SocketHandler,
  type Upgrade,
  type UpgradeInit,
} from "./websocket/upgrade.ts";
