/**
 * Properties of Node's requests and responses that have no public name. `contract.ts` says what they are relied on for.
 */
import { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** A response of Node's, with what else is in it. */
export interface Outgoing extends ServerResponse {
  [OUT_HEADERS]: unknown;
  [END_CALLBACKS]?: readonly Callback[] | null;
  [NEED_DRAIN]: boolean;
  socket: Socket | null;
  _header: string | null;
  _hasBody: boolean;
  _closed: boolean;
  _eventsCount: number;
  _trailer: string;
  _storeHeader: (firstLine: string, headers: unknown) => void;
  _send: Send;
  _finish: () => void;
  _writeRaw: (data: string) => boolean;
}

/** A request of Node's, with what else is in it. */
export interface Incoming extends IncomingMessage {
  [HEADERS_COUNT]: number;
  _eventsCount: number;
  _consuming: boolean;
  _dumped: boolean;
  _dump(): void;
}

export type Callback = (error?: Error | null) => void;

export type Send = (
  data: string | Uint8Array,
  encoding: BufferEncoding | Callback | null | undefined,
  told?: Callback,
) => boolean;

const request = new IncomingMessage(undefined as never);
const response = new ServerResponse(request);

const named = (object: object, name: string): symbol =>
  Object.getOwnPropertySymbols(object).find((it) => it.description === name) ??
  Symbol(`${name} is missing`);

/** How many entries of `rawHeaders` the field `headers` is made of. */
export const HEADERS_COUNT: unique symbol = named(
  request,
  "kHeadersCount",
) as never;

/** What `setHeader` has gathered: by the name in lower case, the name as given, and the value. */
export const OUT_HEADERS: unique symbol = named(
  response,
  "kOutHeaders",
) as never;

/** Callbacks of `end`, where Node does not make listeners of them. */
export const END_CALLBACKS: unique symbol = named(
  response,
  "kEndCallbacks",
) as never;

/** `write` has given false. */
export const NEED_DRAIN: unique symbol = named(response, "kNeedDrain") as never;

/** What Node passes on where the application gives no callback. */
export const NO_CALLBACK: Callback | undefined = ((): Callback | undefined => {
  let found: Callback | undefined;
  const probe = new ServerResponse(request) as Outgoing;
  probe._storeHeader = (line) => void (probe._header = line);
  probe._send = (_data, _encoding, told) => {
    found = told;
    return true;
  };
  probe.write("probe");
  return found;
})();
