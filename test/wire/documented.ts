/** How the lines of the tables in docs/http.md begin, and the cases that show what they say. */

export type Shown = Readonly<Record<string, readonly string[]>>;

export const REFUSED: Shown = {
  "`Content-Length` that is repeated": [
    "invalid/length-repeated",
    "invalid/length-repeated-differing",
    "invalid/length-empty",
    "invalid/length-positive",
    "invalid/length-list",
    "invalid/length-over-53-bits",
  ],
  "`Transfer-Encoding` that is repeated": [
    "invalid/coding-repeated",
    "invalid/coding-empty",
    "invalid/coding-identity",
    "valid/chunked-after-gzip",
    "valid/chunked-coding-upper-case",
  ],
  "both of them": [
    "invalid/length-and-chunked",
    "invalid/length-and-chunked-first",
  ],
  "`Host` that is missing": [
    "invalid/host-missing",
    "invalid/host-repeated",
    "invalid/host-with-user",
    "invalid/host-with-slash",
    "invalid/host-with-space",
    "invalid/host-port-of-letters",
  ],
  "a header name that is no token": [
    "invalid/header-name-with-space",
    "invalid/header-space-before-colon",
    "invalid/header-without-colon",
  ],
  "a header value with a control character": [
    "invalid/header-value-with-nul",
    "invalid/header-value-with-delete",
    "invalid/header-folded",
    "invalid/header-line-feed-in-value",
  ],
  "a method that is no token": ["invalid/line-method-no-token"],
  "`#` or DEL in the path": [
    "invalid/line-target-with-fragment",
    "invalid/line-target-with-delete",
  ],
  "a malformed percent-escape": [
    "invalid/percent-no-digits",
    "invalid/percent-with-body",
  ],
  "a request line that is not": [
    "invalid/line-two-spaces",
    "invalid/line-tabs",
    "invalid/line-space-behind",
    "invalid/line-target-with-space",
    "invalid/line-version-lower-case",
  ],
  "a request line and header fields of more than 16 KiB": [
    "valid/header-16385-bytes",
    "valid/header-in-pieces-over-the-limit",
    "valid/header-99-fields",
  ],
  "a body that is announced longer": ["valid/length-over-the-limit"],
  "a body in chunks that grows longer": ["valid/chunked-over-the-limit"],
  "a chunk whose size is no number": [
    "invalid/chunk-size-of-letters",
    "invalid/chunk-size-over-62-bits",
  ],
  "a path that nobody serves": ["valid/target-not-found"],
  "a method that nobody serves there": ["valid/method-not-allowed"],
};

export const ENGINE: Shown = {
  "a request in one packet behind one whose client": [
    "valid/connection-close-then-another",
  ],
  "the same behind a request with a body": [
    "valid/chunked-over-the-limit-then-another",
  ],
  "HTTP/1.0, HTTP/1.2": [
    "valid/version-1.0",
    "valid/version-1.0-without-host",
    "valid/version-1.2",
  ],
  "a target with scheme and host": ["valid/target-absolute-form"],
  "`OPTIONS *`": ["valid/target-asterisk-form"],
  "`CONNECT`": ["valid/method-connect"],
  "an empty line before a request": [
    "valid/empty-line-first",
    "valid/empty-line-behind-body",
  ],
  "a bare CR in a path": [
    "invalid/line-target-with-carriage-return",
    "invalid/header-carriage-return-in-value",
  ],
  "an extension of a chunk": [
    "valid/chunked-extension",
    "valid/chunked-extension-behind-a-space",
    "valid/chunked-extension-quoted",
    "valid/chunked-extension-on-the-last-chunk",
  ],
  "an extension up to white space": [
    "valid/chunked-extension-like-a-size",
    "valid/chunked-extension-with-a-space",
  ],
  trailers: ["valid/chunked-trailer"],
  "a trailer that reads as a request": ["valid/chunked-trailer-like-a-request"],
  "a chunk size with something else": [
    "invalid/chunk-size-of-a-g",
    "invalid/chunk-size-of-a-colon",
    "invalid/chunk-size-empty",
    "invalid/chunk-size-with-space-behind",
  ],
  "a bare LF or something else": [
    "invalid/chunk-line-feeds-alone",
    "invalid/chunk-data-with-other-end",
    "invalid/chunk-end-with-other-bytes",
  ],
  "a header without a name": [
    "invalid/header-name-empty",
    "invalid/header-name-empty-before-length",
  ],
  "`Host` behind fields": ["valid/host-behind-a-lookalike"],
  "bytes above 0x7f at the ends": [
    "valid/header-high-bytes-at-the-ends",
    "invalid/length-with-high-byte",
    "invalid/coding-with-high-byte",
    "invalid/host-with-high-bytes-at-the-end",
  ],
  "bytes above 0x7f in a path": [
    "invalid/target-of-high-bytes",
    "invalid/target-of-latin-1",
  ],
  "bytes above 0x7f in a header value": [
    "valid/header-utf-8",
    "valid/header-latin-1",
  ],
  "a request while the reply before it is not ready": [
    "valid/pipelined-behind-a-pending-one",
  ],
  "a request that the engine refuses behind others": [
    "valid/pipelined-before-a-malformed-one",
  ],
  "`Expect: 100-Continue`": ["valid/expect-upper-case"],
  "a head of the PROXY protocol": ["invalid/line-of-proxy-protocol-2"],
};
