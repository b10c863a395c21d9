/** Differences in request lines and header fields. */
import {
  ANSWERED,
  BOTH_ANSWERED,
  REFUSED,
  type Difference,
} from "./difference.ts";

export const OF_HEADS: readonly Difference[] = [
  {
    why: "The engine takes a request line that it cannot read for one of another version; llhttp calls it malformed.",
    node: REFUSED,
    cases: `valid/version-1.2 valid/version-2.0-preface
      invalid/line-carriage-return-behind invalid/line-carriage-returns-alone invalid/line-feeds-alone
      invalid/line-method-indented invalid/line-method-with-control invalid/line-method-with-high-byte
      invalid/line-of-proxy-protocol-1 invalid/line-of-tls invalid/line-space-behind invalid/line-tabs
      invalid/line-target-authority-of-get invalid/line-target-empty invalid/line-target-with-nul
      invalid/line-target-with-space invalid/line-target-with-tab invalid/line-target-without-slash
      invalid/line-version-lower-case invalid/line-version-of-other-protocol invalid/line-version-of-two-digits
      invalid/line-version-with-comma invalid/line-version-with-leading-zero invalid/line-version-with-letter
      invalid/line-vertical-tab`,
  },
  {
    why: "The engine waits for more where it finds a bare CR; llhttp refuses it at once.",
    node: REFUSED,
    cases: `invalid/line-target-with-carriage-return invalid/header-carriage-return-in-value`,
  },
  {
    why: "The engine waits for more of the line; llhttp takes it for HTTP/0.9, and the next line for malformed.",
    node: ["called GET /echo", "400", "closed"],
    cases: "invalid/line-version-missing",
  },
  {
    why: "llhttp serves HTTP/1.0 and HTTP/2.0 in the form of HTTP/1.1, and closes.",
    node: ["200", "closed"],
    cases: "valid/version-1.0 valid/version-1.0-without-host valid/version-2.0",
  },
  {
    why: "llhttp knows the methods that are registered, and no other.",
    node: REFUSED,
    cases: `valid/method-all-token-characters valid/method-lower-case valid/method-lower-case-is-not-get
      valid/method-unknown`,
  },
  {
    why: "node:http closes the connection when nobody listens for CONNECT.",
    node: ["closed"],
    cases: "valid/method-connect",
  },
  {
    why: "node:http hands these forms to the application as they are; this one looks for a path.",
    node: ["404", "open"],
    cases: "valid/target-absolute-form valid/target-asterisk-form",
  },
  {
    why: "As above, for a form that is not allowed here, or a fragment.",
    node: ["404", "200", "open"],
    cases:
      "invalid/line-target-asterisk-of-get invalid/line-target-with-fragment",
  },
  {
    why: "llhttp takes a fragment behind a query, and more than one space; eddy and the engine do not.",
    node: BOTH_ANSWERED,
    cases: `invalid/line-query-with-fragment invalid/line-two-spaces invalid/line-two-spaces-before-version`,
  },
  {
    why: "node:http does not look at escapes in the path.",
    node: BOTH_ANSWERED,
    cases: `invalid/percent-at-the-end invalid/percent-before-query invalid/percent-for-wsgi
      invalid/percent-no-digits invalid/percent-one-digit invalid/percent-unicode invalid/percent-with-body`,
  },
  {
    why: "node:http does not look at escapes in the path, and finds nothing there.",
    node: ["404", "200", "open"],
    cases: "invalid/percent-without-resource",
  },
  {
    why: "llhttp takes no bytes above 0x7f in a target; for the engine they are text.",
    node: REFUSED,
    cases: "invalid/target-of-high-bytes invalid/target-of-latin-1",
  },
  {
    why: "node:http knows no PROXY protocol; the engine skips its head.",
    node: REFUSED,
    cases: "invalid/line-of-proxy-protocol-2",
  },
  {
    why: "llhttp ignores an empty line between requests; the engine waits behind it. The bytes sent to show that are malformed for llhttp.",
    node: ["200", "400", "closed"],
    cases: "valid/empty-line-first",
  },
  {
    why: "As above, behind a request with a body.",
    node: ["200", "200", "400", "closed"],
    cases: "valid/empty-line-behind-body",
  },
  {
    why: "node:http reads header fields as latin-1; the engine as UTF-8, without the bytes above 0x7f at either end.",
    node: [
      "200",
      "| GET /echo",
      "| host: a",
      "| x: a\\xc3\\x83\\xc2\\xa9b",
      "open",
    ],
    cases: "valid/header-utf-8",
  },
  {
    why: "As above, for a byte that is not valid UTF-8.",
    node: ["200", "| GET /echo", "| host: a", "| x: a\\xc3\\xa9b", "open"],
    cases: "valid/header-latin-1",
  },
  {
    why: "As above, for bytes at the ends.",
    node: [
      "200",
      "| GET /echo",
      "| host: a",
      "| x: \\xc3\\x83\\xc2\\xa9a\\xc3\\x83\\xc2\\xa9",
      "| y: \\xc3\\x83\\xc2\\xa9",
      "open",
    ],
    cases: "valid/header-high-bytes-at-the-ends",
  },
  {
    why: "As above, in a host, which node:http does not look at.",
    node: [
      "200",
      "| GET /echo",
      "| host: a\\xc3\\x83\\xc2\\xa9",
      "200",
      "open",
    ],
    cases: "invalid/host-with-high-bytes-at-the-end",
  },
  {
    why: "The engine cuts bytes above 0x7f off the ends of a value; llhttp takes them for a mistake in a length.",
    node: REFUSED,
    cases: "invalid/length-with-high-byte",
  },
  {
    why: "node:http counts names and values alone, without what is around them.",
    node: BOTH_ANSWERED,
    cases: "valid/header-16385-bytes",
  },
  {
    why: "node:http takes 2000 fields.",
    node: ANSWERED,
    cases: "valid/header-99-fields",
  },
  {
    why: "llhttp refuses a field without a name; for the engine it ends the fields.",
    node: REFUSED,
    cases: `invalid/header-name-empty invalid/header-name-empty-before-length invalid/header-names-empty-over-the-limit`,
  },
  {
    why: "llhttp compares names; the engine asks a filter, which takes one for another.",
    node: ANSWERED,
    cases: "valid/host-behind-a-lookalike",
  },
  {
    why: "node:http does not look into Host, and takes several.",
    node: BOTH_ANSWERED,
    cases: `invalid/host-ipv6-and-more invalid/host-ipv6-empty invalid/host-ipv6-not-closed
      invalid/host-ipv6-not-opened invalid/host-ipv6-of-colons invalid/host-ipv6-of-letters
      invalid/host-ipv6-with-zone invalid/host-ipv6-without-brackets invalid/host-port-negative
      invalid/host-port-of-letters invalid/host-port-of-many-digits invalid/host-port-too-large
      invalid/host-port-with-space invalid/host-repeated invalid/host-repeated-apart
      invalid/host-repeated-differing invalid/host-two-ports invalid/host-with-backslash
      invalid/host-with-bad-escape invalid/host-with-fragment invalid/host-with-high-bytes
      invalid/host-with-markup invalid/host-with-query invalid/host-with-quote invalid/host-with-scheme
      invalid/host-with-slash invalid/host-with-space invalid/host-with-user
      invalid/host-with-user-and-password`,
  },
  {
    why: "node:http does not look into Host.",
    node: ANSWERED,
    cases: "valid/host-ip-of-the-future",
  },
];
