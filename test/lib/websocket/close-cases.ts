/** Conversations derived from RFC 6455: control frames, how a connection is closed, and what is text. */
import {
  BINARY,
  CLOSE,
  frame,
  message,
  PING,
  PONG,
  TEXT,
} from "../../support/frames.ts";
import {
  CLOSE_OF_ONE_BYTE,
  UNKNOWN_CODES,
} from "../../wire/differences/sockets.ts";
import {
  all,
  answered,
  broken,
  brokenClose,
  byteByByte,
  close,
  first,
  hex,
  last,
  letters,
  next,
  section,
  text,
  type FrameCase,
  type Row,
} from "./frame-case.ts";

const OF_CONTROL = section("5.5", [
  ["a ping", frame(PING), message(PONG, "")],
  ["a ping with text", frame(PING, "hello"), message(PONG, "hello")],
  [
    "a ping of 125 bytes",
    frame(PING, letters(125)),
    message(PONG, letters(125)),
  ],
  [
    "a ping of bytes that are no text",
    frame(PING, hex("00fffe80")),
    message(PONG, hex("00fffe80")),
  ],
  ["a ping of 126 bytes", frame(PING, letters(126)), broken(1002)],
  ["a pong of 126 bytes", frame(PONG, letters(126)), broken(1002)],
  ["a close of 126 bytes", frame(CLOSE, letters(126)), broken(1002)],
  [
    "a ping in fragments",
    [frame(PING, "a", { fin: false }), last("b")],
    broken(1002),
  ],
  [
    "a pong in fragments",
    [frame(PONG, "a", { fin: false }), last("b")],
    broken(1002),
  ],
  [
    "a close in fragments",
    [frame(CLOSE, hex("03e8"), { fin: false }), last("")],
    broken(1002),
  ],
  [
    "a ping with a length of 3 bytes",
    frame(PING, "a", { lengthBytes: 3 }),
    broken(1002),
  ],
  [
    "ten pings at once",
    all(...Array.from({ length: 10 }, (_, i) => frame(PING, String(i)))),
    Array.from({ length: 10 }, (_, i) => message(PONG, String(i))),
  ],
  [
    "a ping in single bytes",
    byteByByte(frame(PING, "hello")),
    message(PONG, "hello"),
  ],
  ["a pong that nobody has asked for", frame(PONG, "hello"), []],
  [
    "a ping between messages",
    all(text("a"), frame(PING, "p"), text("b")),
    [message(TEXT, "a"), message(PONG, "p"), message(TEXT, "b")],
  ],
]);

const ONE_BYTE = {
  gets: ['close ""', "closed"],
  code: 1005,
  node: { gets: ["close 1002", "closed"], code: 1006 },
  differs: CLOSE_OF_ONE_BYTE,
};

/** Codes that may be sent (section 7.4), and that mean the same on both engines. */
const codes = [
  1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 4000, 4999,
];

const OF_CLOSE = section("5.5.1, 7.4", [
  ["a close without a code", frame(CLOSE), 'close ""'],
  ...codes.map((code): Row => [
    `a close with ${code}`,
    close(code),
    `close ${code}`,
  ]),
  ["a close with a reason", close(1000, "bye"), 'close 1000 "bye"'],
  [
    "a close with a reason of 123 bytes",
    close(1000, letters(123)),
    `close 1000 "${letters(123)}"`,
  ],
  [
    "a close with a reason in UTF-8",
    close(1000, "für dich"),
    'close 1000 "für dich"',
  ],
  ["a close with one byte", frame(CLOSE, "a"), ONE_BYTE],
  [
    "a close with a reason that is no UTF-8",
    frame(CLOSE, hex("03e8ff")),
    brokenClose(1007),
  ],
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map(
    (code): Row => [`a close with ${code}`, close(code), brokenClose(1002)],
  ),
  ["two closes", all(close(1000), close(1001)), "close 1000"],
  ["a message behind a close", all(close(1000), text("a")), "close 1000"],
  ["a ping behind a close", all(close(1000), frame(PING)), "close 1000"],
  [
    "a close behind a message",
    [text("a"), close(4001, "bye")],
    answered(message(TEXT, "a"), 'close 4001 "bye"'),
  ],
  [
    "a close in single bytes",
    byteByByte(close(1001, "bye")),
    'close 1001 "bye"',
  ],
]);

/** Codes that the native engine does not know. */
const OF_OTHER_CODES = [1012, 1013, 1014, 3000, 3999].map(
  (code): FrameCase => ({
    name: `a close with ${code}`,
    rule: "7.4.2",
    sends: [close(code)],
    gets: ['close ""', "closed"],
    code: 1006,
    node: { gets: [`close ${code}`, "closed"], code },
    differs: UNKNOWN_CODES,
  }),
);

/** Sequences that are no UTF-8 (RFC 3629). */
const noUtf8: readonly [what: string, digits: string][] = [
  ["a lone continuation byte", "80"],
  ["a byte that cannot be: FE", "fe"],
  ["a byte that cannot be: FF", "ff"],
  ["a sequence of two that ends early", "c3"],
  ["a sequence of three that ends early", "e282"],
  ["a sequence of four that ends early", "f09f98"],
  ["a slash in two bytes", "c0af"],
  ["a slash in three bytes", "e080af"],
  ["a slash in four bytes", "f08080af"],
  ["NUL in two bytes", "c080"],
  ["half of a surrogate pair", "eda080"],
  ["a surrogate pair", "eda081edb080"],
  ["beyond U+10FFFF", "f4908080"],
  ["a sequence of five", "f888808080"],
  ["one wrong byte behind much that is right", `${"78".repeat(5000)}ff`],
];

const right = "κόσμε €😀";
const rightBytes = Buffer.from(right);

const OF_UTF8 = section("8.1", [
  ["text in Greek, with a euro and a smile", text(right), message(TEXT, right)],
  ["the last code point", text("\u{10ffff}"), message(TEXT, "\u{10ffff}")],
  ["a byte order mark", text("\ufeffa"), message(TEXT, "\ufeffa")],
  ["NUL", text("a\0b"), message(TEXT, "a\0b")],
  [
    "the last ones before the surrogates, and the first behind",
    text("\ud7ff\ue000"),
    message(TEXT, "\ud7ff\ue000"),
  ],
  ["no characters", text("\ufffe\uffff"), message(TEXT, "\ufffe\uffff")],
  [
    "a fragment for each byte",
    [
      first(""),
      ...Array.from(rightBytes, (byte) => next(Buffer.from([byte]))),
      last(""),
    ],
    message(TEXT, right),
  ],
  [
    "a smile split between fragments",
    [first(hex("f09f")), last(hex("9880"))],
    message(TEXT, "😀"),
  ],
  [
    "a smile split between fragments, and a ping",
    [first(hex("f09f98")), frame(PING), last(hex("80"))],
    [message(PONG, ""), message(TEXT, "😀")],
  ],
  ["text in single bytes", byteByByte(text(right)), message(TEXT, right)],
  ...noUtf8.map(([what, digits]): Row => [
    what,
    text(hex(digits)),
    broken(1007),
  ]),
  [
    "no UTF-8 in a second fragment",
    [first("a"), last(hex("ff"))],
    broken(1007),
  ],
  [
    "a smile that ends in a fragment too early",
    [first(hex("f09f")), last(hex("98"))],
    broken(1007),
  ],
  [
    "binary that is no UTF-8",
    frame(BINARY, hex("fffe80")),
    message(BINARY, hex("fffe80")),
  ],
]);

/** The server's side ends it: see frames.test.ts. */
const OF_ENDS: FrameCase[] = [
  ...section(
    "7.1.1",
    [["a handler that closes with 4000", text("a"), 'close 4000 "enough"']],
    { path: "/closes" },
  ),
  ...section(
    "7.1.1",
    [
      [
        "a handler that returns",
        text("a"),
        [message(TEXT, "done"), "close 1000"],
      ],
    ],
    { path: "/returns" },
  ),
];

export const CLOSE_CASES: readonly FrameCase[] = [
  ...OF_CONTROL,
  ...OF_CLOSE,
  ...OF_OTHER_CODES,
  ...OF_UTF8,
  ...OF_ENDS,
];
