/** Middleware that people expect, for `loop.use()`: `eddy/middleware`. */
export type { Answer } from "./middleware/answer.ts";
export * from "./middleware/basic-auth.ts";
export type { Middleware, Next } from "./middleware/compose.ts";
export * from "./middleware/compress.ts";
export * from "./middleware/cors.ts";
export type * from "./middleware/editable-reply.ts";
export type { Encoding } from "./middleware/encoder.ts";
export * from "./middleware/errors.ts";
export * from "./middleware/etag.ts";
export * from "./middleware/rate-limit.ts";
export * from "./middleware/request-timeout.ts";
export * from "./middleware/secure-headers.ts";
export * from "./middleware/session.ts";
export {
  SignedCookies,
  type SignedCookiesOptions,
} from "./middleware/signed-cookies.ts";
export * from "./middleware/validate.ts";
