/**
 * Upgrades derived from RFC 6455, section 4.2, and RFC 7692, section 7.1: what is asked for, and what is agreed upon.
 */
export interface Handshake {
  readonly name: string;
  readonly path?: string;
  /** Of the request, in place of the usual ones; an empty value leaves one out. */
  readonly fields?: Readonly<Record<string, string>>;
  readonly line?: string;
  readonly gets: Reply;
}

/** Status, and the field `sec-websocket-extensions` or `-protocol` where it is asked for. */
type Reply = readonly [status: number, agreed?: string];

const DEFLATE = "permessage-deflate";
/** Sorted. */
const AGREED =
  "client_no_context_takeover; permessage-deflate; server_no_context_takeover";

const asks = (
  name: string,
  fields: Handshake["fields"],
  status: number,
): Handshake => ({ name, fields: fields!, gets: [status] });

const ofFields: readonly Handshake[] = [
  asks("the usual fields", {}, 101),
  asks(
    "another case of values",
    { upgrade: "WebSocket", connection: "UPGRADE" },
    101,
  ),
  asks(
    "further options of the connection",
    { connection: "keep-alive, Upgrade" },
    101,
  ),
  asks("options without spaces", { connection: "keep-alive,Upgrade" }, 101),
  asks(
    "an option that only begins so",
    { connection: "Upgrade-Insecure" },
    426,
  ),
  asks("no connection", { connection: "" }, 426),
  asks("no upgrade", { upgrade: "" }, 426),
  asks("another upgrade", { upgrade: "h2c" }, 426),
  asks("no version", { "sec-websocket-version": "" }, 426),
  asks("version 8", { "sec-websocket-version": "8" }, 426),
  asks("version 14", { "sec-websocket-version": "14" }, 426),
  asks("two versions", { "sec-websocket-version": "13, 8" }, 426),
  asks("no key", { "sec-websocket-key": "" }, 400),
  asks(
    "a key of 15 bytes",
    { "sec-websocket-key": "dGhlIHNhbXBsZSBub25j" },
    400,
  ),
  asks(
    "a key of 17 bytes",
    { "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZTE=" },
    400,
  ),
  asks(
    "a key that is no base64",
    { "sec-websocket-key": "????????????????????????" },
    400,
  ),
  { name: "another path", path: "/nowhere", gets: [404] },
  { name: "a path with a query", path: "/echo?a=1", gets: [101] },
  {
    name: "another method",
    line: "POST /echo HTTP/1.1",
    fields: { "content-length": "0" },
    gets: [405],
  },
];

const offers = (name: string, offer: string, gets: Reply): Handshake => ({
  name,
  path: "/deflate",
  fields: { "sec-websocket-extensions": offer },
  gets,
});

const ofExtensions: readonly Handshake[] = [
  offers("nothing offered", "", [101]),
  offers("compression", DEFLATE, [101, AGREED]),
  offers(
    "compression without takeover",
    `${DEFLATE}; server_no_context_takeover; client_no_context_takeover`,
    [101, AGREED],
  ),
  offers(
    "a window of the client that may be smaller",
    `${DEFLATE}; client_max_window_bits`,
    [101, AGREED],
  ),
  offers("another extension", "x-webkit-deflate-frame", [101]),
  offers("another extension before it", `x-other, ${DEFLATE}`, [101, AGREED]),
  offers("two offers", `${DEFLATE}; server_no_context_takeover, ${DEFLATE}`, [
    101,
    AGREED,
  ]),
  offers("a parameter that there is not", `${DEFLATE}; nosuch`, [101]),
  offers(
    "a parameter twice",
    `${DEFLATE}; server_no_context_takeover; server_no_context_takeover`,
    [101],
  ),
  offers(
    "a value where none is",
    `${DEFLATE}; server_no_context_takeover=1`,
    [101],
  ),
  offers(
    "a window of 10 bits of the server",
    `${DEFLATE}; server_max_window_bits=10`,
    [101],
  ),
  offers(
    "a window of 7 bits of the server",
    `${DEFLATE}; server_max_window_bits=7`,
    [101],
  ),
  offers(
    "a window of 16 bits of the client",
    `${DEFLATE}; client_max_window_bits=16`,
    [101],
  ),
  {
    name: "compression where there is none",
    fields: { "sec-websocket-extensions": DEFLATE },
    gets: [101],
  },
];

const protocols = (offer: string, gets: Reply): Handshake => ({
  name: `the protocols ${offer}`,
  path: "/protocol",
  fields: { "sec-websocket-protocol": offer },
  gets,
});

const ofProtocols: readonly Handshake[] = [
  protocols("chat.v2", [101, "chat.v2"]),
  protocols("chat.v1, chat.v2", [101, "chat.v2"]),
  protocols("chat.v1,chat.v2", [101, "chat.v2"]),
  protocols("chat.v1,, chat v1, chat.v2", [101, "chat.v2"]),
  protocols("chat.v2, chat.v2", [101, "chat.v2"]),
  {
    name: "a protocol that is not agreed upon",
    fields: { "sec-websocket-protocol": "chat.v2" },
    gets: [101],
  },
];

export const HANDSHAKES: readonly Handshake[] = [
  ...ofFields,
  ...ofExtensions,
  ...ofProtocols,
];
