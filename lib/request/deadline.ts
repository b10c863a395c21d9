/** When an exchange has to be over: the gateway's limit, and the time that whoever asks has left. */
import type { RequestHeaders } from "./headers.ts";

/**
 * The field by which a caller says how long it is going to wait. gRPC's: a time and not a moment, so that no two clocks
 * have to agree, and clients and proxies (Envoy, linkerd) know it.
 */
const FIELD = "grpc-timeout";

/** gRPC over HTTP/2, "Requests": Timeout. At most eight digits, and a unit. */
const TIMEOUT = /^(\d{1,8})([HMSmun])$/;

const MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};

/** Milliseconds that the caller is going to wait; `Infinity` when it does not say, or not in a way that makes sense. */
export function callerTimeoutMs(headers: RequestHeaders): number {
  const [, amount, unit] = TIMEOUT.exec(headers.get(FIELD) ?? "") ?? [];
  return unit === undefined ? Infinity : Number(amount) * MS[unit]!;
}
