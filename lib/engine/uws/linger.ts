/**
 * The end of a connection whose client is still sending the body of its request (RFC 9112, section 9.6).
 *
 * A connection that is closed with data unread is reset, and a reset takes the reply away from a client that has not
 * read it yet; a proxy takes it for a server that is down. So what comes is dropped until the body is over, the client
 * has left, or it has had its share of time and bytes. The response stays open for the engine meanwhile, which
 * serves nothing more on the connection then.
 */
import type { Connections } from "../connections.ts";
import { bodyKind } from "./head.ts";
import type { HttpResponse } from "./load.ts";

/** Milliseconds in which the client may finish. */
const LINGER_MS = 10_000;

/** Bytes that it may still send. */
const LINGER_BYTES = 64 * 1024 * 1024;

/**
 * Drops the rest of the body, then closes.
 *
 * @param lingering - counts it.
 * @param fields - of the request.
 * @param flush - called when the body ends in the packet of its head, where the engine sends nothing before it has gone
 * on to what came behind it.
 */
export function linger(
  res: HttpResponse,
  lingering: Connections,
  fields: readonly string[],
  flush: () => void,
): void {
  let inPacket = true;
  setImmediate(() => (inPacket = false));
  let left = LINGER_BYTES;
  const hasLength = bodyKind(fields) === "length";
  const close = (): void => void res.close();
  const limit = setTimeout(close, LINGER_MS);
  let next: NodeJS.Immediate | undefined;
  lingering.add(1);
  res.onAborted(() => {
    lingering.add(-1);
    clearTimeout(limit);
    clearImmediate(next);
  });
  res.onData((data, isLast) => {
    left -= data.byteLength;
    if (!isLast && left >= 0) return;
    if (isLast && inPacket) flush();
    // before what may stand behind it; behind chunks the engine does not look
    else if (isLast && hasLength) return close();
    next ??= setImmediate(close);
  });
}

/** Without telling whoever waits for an end that is not ours. */
export function closeNow(res: HttpResponse): void {
  res.onAborted(() => {});
  res.close();
}
