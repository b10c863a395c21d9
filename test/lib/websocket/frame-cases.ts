/**
 * Conversations derived from RFC 6455: what frames look like, and how they make a message. What they say is an echo.
 */
import {
  BINARY,
  CLOSE,
  CONTINUATION,
  frame,
  message,
  PING,
  PONG,
  TEXT,
} from "../../support/frames.ts";
import {
  EARLY_FRAMES,
  MIXED_FRAGMENTS,
} from "../../wire/differences/sockets.ts";
import {
  all,
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

/** Bytes of a message that `/echo` takes at most. */
export const LIMIT = 200_000;

/** Lengths where the form of the length changes, and around the limit. */
const lengths = [
  0,
  1,
  124,
  125,
  126,
  127,
  128,
  65_535,
  65_536,
  65_537,
  LIMIT - 1,
  LIMIT,
];

const OF_LENGTHS = section("5.2", [
  ...lengths.map((length): Row => [
    `text of ${length} bytes`,
    text(letters(length)),
    message(TEXT, letters(length)),
  ]),
  ...lengths.map((length): Row => [
    `binary of ${length} bytes`,
    frame(BINARY, letters(length)),
    message(BINARY, letters(length)),
  ]),
  [
    "text of one byte more than the limit",
    text(letters(LIMIT + 1)),
    broken(1009),
  ],
  [
    "binary of one byte more than the limit",
    frame(BINARY, letters(LIMIT + 1)),
    broken(1009),
  ],
  [
    "fragments of one byte more than the limit together",
    [first(letters(LIMIT)), last("x")],
    broken(1009),
  ],
  [
    "fragments of the limit together",
    [first(letters(LIMIT - 1)), last("x")],
    message(TEXT, letters(LIMIT)),
  ],
  [
    "a length over the limit, and nothing behind it",
    frame(TEXT, "", { length: LIMIT + 1 }),
    broken(1009),
  ],
  [
    "a length of 2^31",
    frame(BINARY, "", { length: 2 ** 31, lengthBytes: 9 }),
    broken(1009),
  ],
  [
    "a length of 2^53",
    frame(BINARY, "", { length: 2n ** 53n, lengthBytes: 9 }),
    broken(1009),
  ],
  [
    "a length with its highest bit",
    frame(BINARY, "", { length: 2n ** 63n, lengthBytes: 9 }),
    broken(1009),
  ],
]);

const OF_MASKS = section("5.1", [
  [
    "text that is not masked",
    frame(TEXT, "hello", { mask: undefined }),
    broken(1002),
  ],
  [
    "empty text that is not masked",
    frame(TEXT, "", { mask: undefined }),
    broken(1002),
  ],
  [
    "binary that is not masked",
    frame(BINARY, "hello", { mask: undefined }),
    broken(1002),
  ],
  [
    "a ping that is not masked",
    frame(PING, "", { mask: undefined }),
    broken(1002),
  ],
  [
    "a close that is not masked",
    frame(CLOSE, hex("03e8"), { mask: undefined }),
    brokenClose(1002),
  ],
  [
    "a mask behind one that is not",
    [text("a"), frame(TEXT, "b", { mask: undefined })],
    broken(1002, message(TEXT, "a")),
  ],
  [
    "a mask of zeros",
    frame(TEXT, "hello", { mask: [0, 0, 0, 0] }),
    message(TEXT, "hello"),
  ],
  [
    "a mask of ones",
    frame(TEXT, "hello", { mask: [255, 255, 255, 255] }),
    message(TEXT, "hello"),
  ],
  [
    "another mask for each fragment",
    [
      frame(TEXT, "ab", { fin: false, mask: [1, 2, 3, 4] }),
      frame(CONTINUATION, "cde", { mask: [9, 8, 7, 6] }),
    ],
    message(TEXT, "abcde"),
  ],
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((length): Row => [
    `a mask over ${length} bytes`,
    frame(BINARY, letters(length), { mask: [1, 20, 155, 255] }),
    message(BINARY, letters(length)),
  ]),
]);

const OF_BITS = section("5.2", [
  ...[1, 2, 4, 3, 7].map((rsv): Row => [
    `reserved bits ${rsv} of a text`,
    frame(TEXT, "hello", { rsv }),
    broken(1002),
  ]),
  ["a reserved bit of a ping", frame(PING, "", { rsv: 4 }), broken(1002)],
  [
    "a reserved bit of a close",
    frame(CLOSE, hex("03e8"), { rsv: 2 }),
    broken(1002),
  ],
  [
    "a reserved bit of a continuation",
    [first("a"), frame(CONTINUATION, "b", { rsv: 1 })],
    broken(1002),
  ],
  [
    "a reserved bit behind a message",
    [text("a"), frame(TEXT, "b", { rsv: 1 })],
    broken(1002, message(TEXT, "a")),
  ],
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode): Row => [
    `opcode ${opcode}`,
    frame(opcode, "hello"),
    broken(1002),
  ]),
  [
    "opcode 3 between fragments",
    [first("a"), frame(3, "b"), last("c")],
    broken(1002),
  ],
]);

const OF_FRAGMENTS = section("5.4", [
  ["a text in two", [first("hel"), last("lo")], message(TEXT, "hello")],
  [
    "a text in two, in one packet",
    all(first("hel"), last("lo")),
    message(TEXT, "hello"),
  ],
  [
    "a binary in three",
    [first("a", BINARY), next("b"), last("c")],
    message(BINARY, "abc"),
  ],
  ["empty fragments", [first(""), next(""), last("")], message(TEXT, "")],
  [
    "empty fragments around one",
    [first(""), next("a"), last("")],
    message(TEXT, "a"),
  ],
  [
    "a hundred fragments",
    all(first("a"), ...Array.from({ length: 98 }, () => next("b")), last("c")),
    message(TEXT, `a${"b".repeat(98)}c`),
  ],
  [
    "fragments of 65,536 bytes",
    [first(letters(65_536)), last(letters(65_536))],
    message(TEXT, letters(131_072)),
  ],
  [
    "a ping between fragments",
    [first("a"), frame(PING, "p"), last("b")],
    [message(PONG, "p"), message(TEXT, "ab")],
  ],
  [
    "a ping between fragments, in one packet",
    all(first("a"), frame(PING, "p"), last("b")),
    [message(PONG, "p"), message(TEXT, "ab")],
  ],
  [
    "pings between three fragments",
    [first("a"), frame(PING, "1"), next("b"), frame(PING, "2"), last("c")],
    [message(PONG, "1"), message(PONG, "2"), message(TEXT, "abc")],
  ],
  [
    "a pong between fragments",
    [first("a"), frame(PONG), last("b")],
    message(TEXT, "ab"),
  ],
  [
    "a close between fragments",
    [first("a"), close(1000), last("b")],
    "close 1000",
  ],
  ["nothing but a first fragment", first("a"), []],
  ["a continuation of nothing", last("a"), broken(1002)],
  ["a continuation of nothing, to be continued", next("a"), broken(1002)],
  [
    "a continuation behind a whole message",
    [text("a"), last("b")],
    broken(1002, message(TEXT, "a")),
  ],
  ["a text between fragments of a text", [first("a"), text("b")], broken(1002)],
  [
    "a text between fragments of a binary",
    [first("a", BINARY), text("b")],
    broken(1002),
  ],
  [
    "a first fragment between fragments",
    [first("a"), first("b")],
    broken(1002),
  ],
  [
    "two messages in fragments, one after the other",
    all(first("a"), last("b"), first("c", BINARY), last("d")),
    [message(TEXT, "ab"), message(BINARY, "cd")],
  ],
]);

const OF_PACKETS = section("5.2", [
  ["a text in single bytes", byteByByte(text("hello")), message(TEXT, "hello")],
  [
    "a text of 126 bytes, its length in two packets",
    [text(letters(126)).subarray(0, 3), text(letters(126)).subarray(3)],
    message(TEXT, letters(126)),
  ],
  [
    "a text of 65,536 bytes, its length in two packets",
    [text(letters(65_536)).subarray(0, 6), text(letters(65_536)).subarray(6)],
    message(TEXT, letters(65_536)),
  ],
  [
    "a text whose mask is in two packets",
    [text("hello").subarray(0, 4), text("hello").subarray(4)],
    message(TEXT, "hello"),
  ],
  [
    "half of a text with the whole of another",
    [all(text("a"), text("bcd").subarray(0, 8)), text("bcd").subarray(8)],
    [message(TEXT, "a"), message(TEXT, "bcd")],
  ],
  [
    "a hundred texts at once",
    all(...Array.from({ length: 100 }, (_, i) => text(String(i)))),
    Array.from({ length: 100 }, (_, i) => message(TEXT, String(i))),
  ],
]);

/**
 * As long as a client likes to say it: the native engine does not look (section 5.2: "MUST be encoded in the minimal
 * number").
 */
const OF_LONG_LENGTHS = section("5.2", [
  [
    "a length of 3 bytes that would fit one",
    frame(TEXT, "hello", { lengthBytes: 3 }),
    message(TEXT, "hello"),
  ],
  [
    "a length of 9 bytes that would fit one",
    frame(TEXT, "hello", { lengthBytes: 9 }),
    message(TEXT, "hello"),
  ],
  [
    "a length of 9 bytes that would fit three",
    frame(TEXT, letters(126), { lengthBytes: 9 }),
    message(TEXT, letters(126)),
  ],
]);

/** The second frame should continue the first, and is of another kind. */
const OF_MIXED_KINDS: FrameCase = {
  name: "a binary between fragments of a text",
  rule: "5.4",
  sends: [first("a"), frame(BINARY, "b")],
  gets: [message(BINARY, "ab"), "open"],
  code: 0,
  node: { gets: ["close 1002", "closed"], code: 1006 },
  differs: MIXED_FRAGMENTS,
};

const OF_EARLY_ONES: FrameCase = {
  name: "a text in the packet of the request",
  rule: "4.1",
  early: text("early"),
  sends: [text("later")],
  gets: [message(TEXT, "later"), "open"],
  code: 0,
  node: {
    gets: [message(TEXT, "early"), message(TEXT, "later"), "open"],
    code: 0,
  },
  differs: EARLY_FRAMES,
};

export const FRAME_CASES: readonly FrameCase[] = [
  ...OF_LENGTHS,
  ...OF_MASKS,
  ...OF_BITS,
  ...OF_FRAGMENTS,
  OF_MIXED_KINDS,
  OF_EARLY_ONES,
  ...OF_PACKETS,
  ...OF_LONG_LENGTHS,
];
