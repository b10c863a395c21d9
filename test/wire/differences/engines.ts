/**
 * What the engine "node" makes of a case otherwise than uWebSockets.js, and by which rule: a section of an RFC, or the
 * line of Node that forbids more. The table in docs/engines.md is this list.
 */
import {
  ANSWERED,
  BOTH_ANSWERED,
  REFUSED,
  REFUSED_LATE,
  type Difference,
} from "./difference.ts";

export interface EngineDifference extends Difference {
  readonly what: string;
  /** What clients get, in words. */
  readonly uws: string;
  readonly inWords: string;
}

const LLHTTP = "llhttp, `src/llhttp/http.ts`";

export const OF_ENGINES: readonly EngineDifference[] = [
  {
    what: "HTTP/1.0",
    uws: "505, closed",
    inWords:
      "served; kept where the client asks for it and the reply has a length",
    why: "RFC 9110, section 2.5",
    node: ["200", "connection: close", "closed"],
    cases: "valid/version-1.0 valid/version-1.0-without-host",
  },
  {
    what: "HTTP/1.0 with a body in chunks",
    uws: "505, closed",
    inWords: "400, closed",
    why: "RFC 9112, section 6.1",
    node: REFUSED,
    cases: "invalid/coding-of-1.0",
  },
  {
    what: "a request without a version, as in HTTP/0.9",
    uws: "nothing, until 16 KiB have come (431) or the time is up",
    inWords: "505, closed",
    why: "RFC 9110, section 15.6.6",
    node: ["505", "closed"],
    cases: "invalid/line-version-missing",
  },
  {
    what: "a request line that is malformed",
    uws: "505, closed",
    inWords: "400, closed",
    why: "RFC 9112, section 3",
    node: REFUSED,
    cases: `invalid/line-carriage-return-behind invalid/line-carriage-returns-alone invalid/line-method-indented
      invalid/line-method-with-control invalid/line-method-with-high-byte invalid/line-of-proxy-protocol-1
      invalid/line-of-tls invalid/line-tabs invalid/line-target-authority-of-get invalid/line-target-empty
      invalid/line-target-with-nul invalid/line-target-with-space invalid/line-target-with-tab
      invalid/line-target-without-slash invalid/line-version-lower-case invalid/line-version-of-other-protocol
      invalid/line-vertical-tab`,
  },
  {
    what: "a target with scheme and host (`GET http://a/ HTTP/1.1`)",
    uws: "505, closed",
    inWords: "served; its host counts, and not the field `Host`",
    why: "RFC 9112, section 3.2.2",
    node: ["200", "| GET /echo", "| host: a", "open"],
    cases: "valid/target-absolute-form",
  },
  {
    what: "`OPTIONS *`",
    uws: "505, closed",
    inWords: "204",
    why: "RFC 9110, section 9.3.7",
    node: ["204 own", "open"],
    cases: "valid/target-asterisk-form",
  },
  {
    what: "`*` with another method",
    uws: "505, closed",
    inWords: "400, closed",
    why: "RFC 9112, section 3.2.4",
    node: REFUSED,
    cases: "invalid/line-target-asterisk-of-get",
  },
  {
    what: "`CONNECT`",
    uws: "505, closed",
    inWords: "501, closed",
    why: "RFC 9110, section 9.3.6",
    node: ["501", "closed"],
    cases: "valid/method-connect",
  },
  {
    what: "a method that is not registered, or not in upper case",
    uws: "served",
    inWords: "400, closed",
    why: `${LLHTTP}, \`METHODS_HTTP\`: the parser knows the registered ones`,
    node: REFUSED,
    cases: `valid/method-all-token-characters valid/method-lower-case valid/method-lower-case-is-not-get
      valid/method-unknown`,
  },
  {
    what: "more than one space in a request line",
    uws: "505, closed",
    inWords: "served",
    why: "RFC 9112, section 3, allows it",
    node: BOTH_ANSWERED,
    cases: "invalid/line-two-spaces invalid/line-two-spaces-before-version",
  },
  {
    what: "bytes above 0x7f in a target",
    uws: "served where they are UTF-8, as text; else 400",
    inWords: "400, closed",
    why: "RFC 9112, section 3.2; llhttp, `src/llhttp/constants.ts`, `URL_CHAR`",
    node: REFUSED,
    cases: "invalid/target-of-high-bytes invalid/target-of-latin-1",
  },
  {
    what: "an empty line before a request",
    uws: "nothing, until 16 KiB have come (431) or the time is up",
    inWords: "served",
    why: "RFC 9112, section 2.2",
    node: ["200", "400", "closed"],
    cases: "valid/empty-line-first",
  },
  {
    what: "an empty line behind a body",
    uws: "the same",
    inWords: "the next request is served",
    why: "RFC 9112, section 2.2",
    node: ["200", "200", "400", "closed"],
    cases: "valid/empty-line-behind-body",
  },
  {
    what: "a bare CR in a path or in a header value",
    uws: "the same",
    inWords: "400, closed",
    why: "RFC 9112, section 2.2",
    node: REFUSED,
    cases:
      "invalid/line-target-with-carriage-return invalid/header-carriage-return-in-value",
  },
  {
    what: "a header without a name",
    uws: "it ends the header",
    inWords: "400, closed",
    why: "RFC 9112, section 5",
    node: REFUSED,
    cases: `invalid/header-name-empty invalid/header-name-empty-before-length
      invalid/header-names-empty-over-the-limit`,
  },
  {
    what: "header fields of more than 16 KiB",
    uws: "431; the request line counts, and what is between names and values",
    inWords: "431; names and values count",
    why: "Node, `src/node_http_parser.cc`, `TrackHeader`",
    node: BOTH_ANSWERED,
    cases: "valid/header-16385-bytes",
  },
  {
    what: "99 header fields, or more",
    uws: "431, closed",
    inWords: "served",
    why: "RFC 9110, section 5.4, leaves it to the server",
    node: ANSWERED,
    cases: "valid/header-99-fields",
  },
  {
    what: "`Host` behind fields whose names look like it to the native engine's filter",
    uws: "400, closed",
    inWords: "served",
    why: "RFC 9110, section 5.1",
    node: ANSWERED,
    cases: "valid/host-behind-a-lookalike",
  },
  {
    what: "bytes above 0x7f at the ends of a header value",
    uws: "they are cut off",
    inWords: "they belong to it",
    why: "RFC 9110, section 5.5",
    node: [
      "200",
      "| GET /echo",
      "| host: a",
      "| x: \\xc3\\xa9a\\xc3\\xa9",
      "| y: \\xc3\\xa9",
      "open",
    ],
    cases: "valid/header-high-bytes-at-the-ends",
  },
  {
    what: "the same in `Content-Length`, `Transfer-Encoding` and `Host`",
    uws: "they are cut off",
    inWords: "400, closed",
    why: "RFC 9110, sections 7.2 and 8.6; RFC 9112, section 6.1",
    node: REFUSED,
    cases: `invalid/length-with-high-byte invalid/coding-with-high-byte
      invalid/host-with-high-bytes-at-the-end`,
  },
  {
    what: "bytes above 0x7f in a header value that are not UTF-8",
    uws: "U+FFFD",
    inWords: "a character for each byte",
    why: "RFC 9110, section 5.5",
    node: ["200", "| GET /echo", "| host: a", "| x: a\\xc3\\xa9b", "open"],
    cases: "valid/header-latin-1",
  },
  {
    what: "a tab behind `Content-Length`, before Node.js 22",
    uws: "served",
    inWords: "400, closed",
    why: `${LLHTTP}, \`header_value_content_length_ws\``,
    node: REFUSED,
    cases: "valid/length-spaces-around",
    before: 22,
  },
  {
    what: "an extension of a chunk (`3;name=value`)",
    uws: "400, closed; the handler runs already",
    inWords: "ignored",
    why: "RFC 9112, section 7.1.1",
    node: ANSWERED,
    cases: `valid/chunked-extension valid/chunked-extension-quoted
      valid/chunked-extension-on-the-last-chunk`,
  },
  {
    what: "an extension of letters that are hexadecimal digits (`3;a`)",
    uws: "they count as digits of the size",
    inWords: "ignored",
    why: "RFC 9112, section 7.1.1",
    node: ["200", "200", "400", "closed"],
    cases: "valid/chunked-extension-like-a-size",
  },
  {
    what: "white space before an extension",
    uws: "it ends the size, or the semicolon is a digit of it",
    inWords: "400, closed; the handler runs already",
    why: `${LLHTTP}, \`chunk_extensions\``,
    node: REFUSED_LATE,
    cases: `valid/chunked-extension-with-a-space
      valid/chunked-extension-behind-a-space`,
  },
  {
    what: "a request that is refused while its body is still to come",
    uws: "closed when the body has come, or after 10 seconds or 64 MiB",
    inWords: "its side is closed at once; the client may go on as long",
    why: "RFC 9112, section 9.6",
    node: ["413", "closed"],
    cases: "valid/length-of-fifteen-digits",
  },
  {
    what: "trailers of a request",
    uws: "505, closed; the handler has run already",
    inWords: "`request.trailers`",
    why: "RFC 9112, section 7.1.2",
    node: ANSWERED,
    cases: "valid/chunked-trailer",
  },
  {
    what: "a trailer that reads as a request",
    uws: "it is one",
    inWords: "a trailer",
    why: "RFC 9112, section 7.1.2",
    node: [
      "200",
      "| POST /echo",
      "| host: a",
      "| transfer-encoding: chunked",
      "|",
      "| abc",
      "open",
    ],
    cases: "valid/chunked-trailer-like-a-request",
  },
  {
    what: "trailers of a reply (`stream(body, { trailers })`)",
    uws: "left out",
    inWords: "sent, but to clients of HTTP/1.0",
    why: "RFC 9112, section 7.1.2",
    node: [],
    cases: "",
  },
  {
    what: "early hints (`request.hint()`)",
    uws: "not sent",
    inWords: "103, but to clients of HTTP/1.0",
    why: "RFC 8297, section 2; RFC 9110, section 15.2",
    node: [],
    cases: "",
  },
  {
    what: "`date` in replies of the engine's own (400, 431, 505)",
    uws: "none",
    inWords: "there, as in all others",
    why: "RFC 9110, section 6.6.1",
    node: [],
    cases: "",
  },
  {
    what: "`date` that an application gives, or `http()` has from its server",
    uws: "the engine's own in its place",
    inWords: "sent",
    why: "RFC 9110, section 6.6.1",
    node: [],
    cases: "",
  },
  {
    what: "chunks whose size or end is malformed",
    uws: "read all the same, or 505",
    inWords: "400, closed; the handler runs already",
    why: "RFC 9112, section 7.1",
    node: REFUSED_LATE,
    cases: `invalid/chunk-data-too-long invalid/chunk-data-too-short invalid/chunk-data-with-other-end
      invalid/chunk-data-without-line-break invalid/chunk-end-with-other-bytes invalid/chunk-line-feeds-alone
      invalid/chunk-size-empty invalid/chunk-size-of-a-colon invalid/chunk-size-of-a-g
      invalid/chunk-size-with-carriage-return-alone invalid/chunk-size-with-high-byte
      invalid/chunk-size-with-line-feed-alone invalid/chunk-size-with-space-behind`,
  },
  {
    what: "a chunk of more than 62 bits",
    uws: "400, closed; the handler runs already",
    inWords: "waited for, as long as `bodyTimeoutMs` allows",
    why: `${LLHTTP}, \`chunk_size\`: it takes 64 bits`,
    node: ["called POST /echo", "waiting"],
    cases: "invalid/chunk-size-over-62-bits",
  },
  {
    what: "`Expect: 100-continue`",
    uws: "100, whatever follows; in lower case alone",
    inWords: "100 when the body is asked for, or else the reply at once",
    why: "RFC 9110, section 10.1.1",
    node: ["413", "closed"],
    cases: "valid/expect-over-the-limit",
  },
  {
    what: "the same in upper case",
    uws: "no 100",
    inWords: "100",
    why: "RFC 9110, section 10.1.1",
    node: ["100", "200", "open"],
    cases: "valid/expect-upper-case",
  },
  {
    what: "the same with a malformed length",
    uws: "100, then 400",
    inWords: "400, closed",
    why: "RFC 9110, section 10.1.1",
    node: REFUSED,
    cases: "invalid/length-repeated-and-expect",
  },
  {
    what: "a request while the reply before it is not ready (pipelining)",
    uws: "closed, without a reply to either",
    inWords: "both served, one after the other",
    why: "RFC 9112, section 9.3.2",
    node: ["200", "| a turn later", "200", "| hello", "open"],
    cases: "valid/pipelined-behind-a-pending-one",
  },
  {
    what: "the same behind a further one",
    uws: "closed, without a reply to the two",
    inWords: "all served",
    why: "RFC 9112, section 9.3.2",
    node: ["200", "| hello", "200", "| a turn later", "200", "| hello", "open"],
    cases: "valid/pipelined-behind-a-pending-one-after-a-good-one",
  },
  {
    what: "a malformed request behind a good one in one packet",
    uws: "400; the reply to the first is lost",
    inWords: "the reply, then 400, closed",
    why: "RFC 9112, section 9.3.2",
    node: ["200", "400", "closed"],
    cases: "valid/pipelined-before-a-malformed-one",
  },
  {
    what: "a request in one packet behind one whose client has asked for the end of the connection",
    uws: "closed, without a reply to either",
    inWords: "the reply, then closed",
    why: "RFC 9112, section 9.6",
    node: ["200", "| hello", "closed"],
    cases: "valid/connection-close-then-another",
  },
  {
    what: "a body in chunks over the limit, and a request behind it in one packet",
    uws: "closed, without a reply",
    inWords: "413, closed",
    why: "RFC 9112, section 9.6",
    node: ["called POST /small", "413", "closed"],
    cases: "valid/chunked-over-the-limit-then-another",
  },
  {
    what: "a `Connection` option of five letters that is not `close`",
    uws: "closed",
    inWords: "kept",
    why: "RFC 9112, section 9.6",
    node: ANSWERED,
    cases: "valid/connection-option-of-five-letters",
  },
  {
    what: "a head of the PROXY protocol where `proxyHeader` is another",
    uws: "skipped",
    inWords: "400, closed",
    why: "the PROXY protocol, section 2: a receiver does not guess",
    node: REFUSED,
    cases: "invalid/line-of-proxy-protocol-2",
  },
  {
    what: "a head of the PROXY protocol within TLS, or later on a connection",
    uws: "taken",
    inWords: "an error of `listen()`; 400, closed",
    why: "the PROXY protocol, section 2: it is the first on a connection",
    node: [],
    cases: "",
  },
  {
    what: "certificates of clients (`tls: { verifyClient }`), and TLS 1.3 alone",
    uws: "an error of `listen()`",
    inWords: "served",
    why: "RFC 8446, sections 4.3.2 and 4.2.1",
    node: [],
    cases: "",
  },
  {
    what: "a host in capitals, in the TLS handshake (SNI)",
    uws: "the first certificate",
    inWords: "that of the host",
    why: "RFC 6066, section 3",
    node: [],
    cases: "",
  },
  {
    what: "a client that offers protocols in the TLS handshake (ALPN)",
    uws: "no answer to that",
    inWords: "`http/1.1`, and `h2` with `http2`",
    why: "RFC 7301, section 3.2",
    node: [],
    cases: "",
  },
  {
    what: "a client that has closed its side of the connection (a FIN)",
    uws: "an abort",
    inWords:
      "it gets its reply; an abort when its system says that nobody is there any more, or with `halfOpen: false`",
    why: "RFC 9112, section 9.6; RFC 9293, section 3.6",
    node: [],
    cases: "",
  },
  {
    what: "an upload below 16 KB/s",
    uws: "cut after `idleTimeoutMs`",
    inWords: "served, as long as it is not silent, and `bodyTimeoutMs` allows",
    why: "RFC 9112, section 9.5, leaves it to the server",
    node: [],
    cases: "",
  },
  {
    what: "`share: true`",
    uws: "everywhere but on Windows",
    inWords: "from Node.js 22.12 on",
    why: "Node, `lib/net.js`, `reusePort`",
    node: [],
    cases: "",
  },
];

const NODE = Number.parseInt(process.versions.node, 10);

/** Those of an engine, by the name of the case. */
export function differencesOf(engine: string): Map<string, EngineDifference> {
  const own = engine === "node" ? OF_ENGINES : [];
  return new Map(
    own
      .filter(({ before = Infinity }) => NODE < before)
      .flatMap(
        (one) =>
          one.cases.match(/\S+/g)?.map((name) => [name, one] as const) ?? [],
      ),
  );
}
