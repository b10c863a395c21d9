/** What adapter authors import: the contract that an adapter turns a foreign application into. */
export { areFilesWatched, tellFiles } from "./common/application-files.ts";
export { AsyncContext } from "./common/async-context.ts";
export { bufferOf } from "./common/bytes.ts";
export * from "./common/checked-options.ts";
export { counted } from "./common/counted.ts";
export { REASONS } from "./common/reasons.ts";
export * from "./common/errors.ts";
export { httpTime, isListed } from "./common/conditions.ts";
export { HOP_BY_HOP, TOKEN } from "./common/fields.ts";
export type { Logger } from "./common/log.ts";
export { makePrivateFolder } from "./common/private-folder.ts";
export { isOneOfSeveral } from "./common/processes.ts";
export { backoffMs, randomLifetime } from "./common/replacement.ts";
export type * from "./exchange/application.ts";
export { describe, stackOf } from "./common/thrown.ts";
export { importModule, noteImports } from "./common/modules/import-module.ts";
export { isOperation } from "./operations/is-operation.ts";
export { bindContext } from "./reply/bind-context.ts";
export { CheckedHeaders } from "./reply/headers.ts";
export type * from "./reply/types.ts";
export {
  AS_REPLY,
  fromWeb,
  isWebResponse,
  ownFields,
  reasonOf,
  type WebResponse,
} from "./reply/web.ts";
export { RequestHeaders } from "./request/headers.ts";
export { sendsExtras } from "./request/extras.ts";
export type { GatewayRequest } from "./request/request.ts";
export { Spill, SpillBudget } from "./request/spill.ts";
export { fieldsFor, seen, traceOf, type Call } from "./traces/trace.ts";
export { asksForWebSocket, offeredProtocols } from "./websocket/handshake.ts";
export type { WebSocketOptions } from "./websocket/options.ts";
export type { Message } from "./websocket/reading.ts";
export type { Socket } from "./websocket/socket.ts";
export { upgrade } from "./websocket/upgrade.ts";
