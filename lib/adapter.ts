/** What adapter authors import: the contract that an adapter turns a foreign application into. */
export { AsyncContext } from "./common/async-context.ts";
export * from "./common/checked-options.ts";
export * from "./common/errors.ts";
export { HOP_BY_HOP } from "./common/fields.ts";
export type { Logger } from "./common/log.ts";
export { makePrivateFolder } from "./common/private-folder.ts";
export { backoffMs, randomLifetime } from "./common/replacement.ts";
export type * from "./exchange/application.ts";
export { describe, stackOf } from "./common/thrown.ts";
export { isOperation } from "./operations/is-operation.ts";
export { bindContext } from "./reply/bind-context.ts";
export { CheckedHeaders } from "./reply/headers.ts";
export type * from "./reply/types.ts";
export { RequestHeaders } from "./request/headers.ts";
export type { GatewayRequest } from "./request/request.ts";
export { Spill, SpillBudget } from "./request/spill.ts";
