/** Middleware that people expect, for `loop.use()`: `eddy/middleware`. */
export type { Answer } from "./answer.ts";
export * from "./basic-auth.ts";
export type { Middleware, Next } from "./compose.ts";
export * from "./compress.ts";
export * from "./cors.ts";
export type * from "./editable-reply.ts";
export type { Encoding } from "./encoder.ts";
export * from "./errors.ts";
export * from "./etag.ts";
export * from "./rate-limit.ts";
export * from "./request-timeout.ts";
export * from "./secure-headers.ts";
export * from "./session.ts";
export { SignedCookies, type SignedCookiesOptions } from "./signed-cookies.ts";
export * from "./validate.ts";
