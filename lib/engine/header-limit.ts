/** How long a request's head may be. uWebSockets.js reads it from the environment, while it loads. */

/** Bytes of request line and headers; the engine's own default is 4096, Node's is 16 KiB. */
export const MAX_HEADERS = {
  name: "UWS_HTTP_MAX_HEADERS_SIZE",
  bytes: 16 * 1024,
};

/** Bytes of a request's head that the engine takes; it answers 431 to more. */
export function engineHeaderBytes(): number {
  return Number(process.env[MAX_HEADERS.name] || MAX_HEADERS.bytes);
}
