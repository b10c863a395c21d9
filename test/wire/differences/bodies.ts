/** Differences in framing, in pipelining and in what becomes of the connection. */
import {
  ANSWERED,
  BOTH_ANSWERED,
  REFUSED,
  REFUSED_LATE,
  type Difference,
} from "./difference.ts";

export const OF_BODIES: readonly Difference[] = [
  {
    why: "node:http calls the application for the next request, too, before it closes, and nobody gets that reply.",
    node: ["400", "called GET /echo/smuggled", "closed"],
    cases: "invalid/host-missing invalid/host-missing-with-all-fields",
  },
  {
    why: "So for a reply of the application that announces the end.",
    node: ["413", "called GET /echo/smuggled", "closed"],
    cases: "valid/length-over-the-limit-then-another",
  },
  {
    why: "node:http does not let the client finish.",
    node: ["413", "closed"],
    cases: "valid/length-of-fifteen-digits",
  },
  {
    why: "As the first, for a body in chunks.",
    node: ["called POST /small", "413", "called GET /echo/smuggled", "closed"],
    cases: "valid/chunked-over-the-limit-then-another",
  },
  {
    why: "llhttp takes no tab behind the number.",
    node: REFUSED,
    cases: "valid/length-spaces-around",
    before: 22,
  },
  {
    why: "node:http waits for a body of nine million gigabytes; so it does for a chunk.",
    node: ["called POST /echo", "waiting"],
    cases: "invalid/length-over-53-bits invalid/chunk-size-over-62-bits",
  },
  {
    why: "The engine has said 100 by the time that eddy sees the request.",
    node: REFUSED,
    cases: "invalid/length-repeated-and-expect",
  },
  {
    why: "node:http finds the coding wrong when the application has been called; eddy before that.",
    node: REFUSED_LATE,
    cases: `invalid/coding-identity invalid/coding-quoted invalid/coding-two-words
      invalid/coding-unknown invalid/coding-with-parameter invalid/coding-with-prefix invalid/coding-with-suffix`,
  },
  {
    why: "As above, for a coding without a name.",
    node: REFUSED_LATE,
    cases: "invalid/coding-empty",
    before: 22,
  },
  {
    why: "llhttp takes no notice of a coding without a name.",
    node: BOTH_ANSWERED,
    cases: "invalid/coding-repeated-one-empty",
    before: 22,
  },
  {
    why: "The engine has cut the byte off, so that eddy finds nothing wrong; llhttp does.",
    node: REFUSED_LATE,
    cases: "invalid/coding-with-high-byte",
  },
  {
    why: "llhttp serves HTTP/1.0, and finds the coding wrong when the application has been called.",
    node: REFUSED_LATE,
    cases: "invalid/coding-of-1.0",
  },
  {
    why: "llhttp looks at the end of the list alone, and in any case; eddy takes one spelling.",
    node: BOTH_ANSWERED,
    cases: `valid/chunked-after-gzip valid/chunked-coding-upper-case invalid/coding-with-comma-before`,
  },
  {
    why: "llhttp skips extensions, and reads trailers; the engine does not understand them.",
    node: ANSWERED,
    cases: `valid/chunked-extension valid/chunked-extension-quoted valid/chunked-extension-on-the-last-chunk
      valid/chunked-trailer`,
  },
  {
    why: "As above, where the engine takes the trailer for a request.",
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
    why: "As above, where the engine takes the extension for a part of the size. The bytes sent to show that are malformed for llhttp.",
    node: ["200", "called GET /echo", "400", "closed"],
    cases: "valid/chunked-extension-like-a-size",
  },
  {
    why: "llhttp takes no white space before an extension's name.",
    node: REFUSED_LATE,
    cases: `valid/chunked-extension-with-a-space valid/chunked-extension-behind-a-space`,
  },
  {
    why: "llhttp takes hexadecimal digits and CRLF alone; the engine skips what it does not expect.",
    node: REFUSED_LATE,
    cases: `invalid/chunk-data-too-long invalid/chunk-data-too-short invalid/chunk-data-with-other-end
      invalid/chunk-data-without-line-break invalid/chunk-end-with-other-bytes invalid/chunk-line-feeds-alone
      invalid/chunk-size-empty invalid/chunk-size-of-a-colon invalid/chunk-size-of-a-g
      invalid/chunk-size-with-carriage-return-alone invalid/chunk-size-with-high-byte
      invalid/chunk-size-with-line-feed-alone invalid/chunk-size-with-space-behind`,
  },
  {
    why: "node:http drops its 400 where a reply is still to be sent; the engine drops that reply.",
    node: ["200", "closed"],
    cases: "valid/pipelined-before-a-malformed-one",
  },
  {
    why: "node:http does not look into Host.",
    node: ["200", "200", "200", "open"],
    cases: "valid/pipelined-before-a-refused-one",
  },
  {
    why: "node:http keeps replies until it is their turn; the engine closes the connection.",
    node: ["200", "| a turn later", "200", "| hello", "open"],
    cases: "valid/pipelined-behind-a-pending-one",
  },
  {
    why: "As above, with a reply before.",
    node: ["200", "| hello", "200", "| a turn later", "200", "| hello", "open"],
    cases: "valid/pipelined-behind-a-pending-one-after-a-good-one",
  },
  {
    why: "The engine closes the connection for the second request, and the reply to the first is lost.",
    node: ["200", "| hello", "closed"],
    cases: "valid/connection-close-then-another",
  },
  {
    why: "The engine looks at the length of the option, node:http at its name.",
    node: ANSWERED,
    cases: "valid/connection-option-of-five-letters",
  },
  {
    why: "node:http knows the expectation in any case.",
    node: ["100", "200", "open"],
    cases: "valid/expect-upper-case",
  },
  {
    why: "node:http refuses an expectation that it does not know; eddy ignores it.",
    node: ["417", "open"],
    cases: "valid/expect-unknown",
  },
];
