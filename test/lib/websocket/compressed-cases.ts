/** Conversations derived from RFC 7692: messages that are compressed, as they are, wrong ones, and too long ones. */
import { constants, deflateRawSync } from "node:zlib";
import {
  BINARY,
  CONTINUATION,
  frame,
  message,
  PING,
  TEXT,
} from "../../support/frames.ts";
import {
  COMPRESSED_CONTROL,
  LAST_BLOCK,
} from "../../wire/differences/sockets.ts";
import {
  broken,
  byteByByte,
  first,
  hex,
  last,
  letters,
  section,
  text,
  type FrameCase,
} from "./frame-case.ts";

/** Bytes of a message that `/deflate` takes at most; it compresses from ten bytes on. */
export const DEFLATE_LIMIT = 10_000;

/** Each message is compressed without what came before it, in both directions. */
const OFFER =
  "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
const where = { path: "/deflate", offers: OFFER };

/** Section 7.2.1: flushed, and without the four bytes that a flush ends with. */
const deflated = (payload: string | Uint8Array, level = 6): Buffer =>
  deflateRawSync(payload, {
    level,
    finishFlush: constants.Z_SYNC_FLUSH,
  }).subarray(0, -4);

const RSV1 = 4;
const compressed = (bytes: Uint8Array, opcode = TEXT, fin = true): Buffer =>
  frame(opcode, bytes, { rsv: RSV1, fin });

/** What is sent back compressed. */
const echoed = (payload: string, opcode = TEXT): string =>
  message(opcode, payload, RSV1);

const HELLO = deflated("hello, hello, hello");
const hello = "hello, hello, hello";

const LAST = {
  gets: ["closed"],
  code: 1006,
  node: { gets: [message(TEXT, "Hello"), "open"], code: 0 },
  differs: LAST_BLOCK,
};

const PINGED = {
  gets: ['pong ""', "open"],
  code: 0,
  node: { gets: ["close 1002", "closed"], code: 1006 },
  differs: COMPRESSED_CONTROL,
};

const OF_MESSAGES = section(
  "7692, 7.2",
  [
    ["a compressed text", compressed(HELLO), echoed(hello)],
    [
      "a compressed text that is echoed as it is",
      compressed(deflated("hello")),
      message(TEXT, "hello"),
    ],
    ["a compressed binary", compressed(HELLO, BINARY), echoed(hello, BINARY)],
    ["a text that is not compressed", text("hello"), message(TEXT, "hello")],
    [
      "one that is not compressed behind one that is",
      [compressed(HELLO), text("a"), compressed(HELLO)],
      [echoed(hello), message(TEXT, "a"), echoed(hello)],
    ],
    [
      "the example of the RFC",
      compressed(hex("f248cdc9c90700")),
      message(TEXT, "Hello"),
    ],
    [
      "the example of a block without compression",
      compressed(hex("000500faff48656c6c6f00")),
      message(TEXT, "Hello"),
    ],
    ["the example of a last block", compressed(hex("f348cdc9c9070000")), LAST],
    [
      "the example of two blocks",
      compressed(hex("f24805000000ffffcac9c90700")),
      message(TEXT, "Hello"),
    ],
    ["an empty text", compressed(hex("00")), message(TEXT, "")],
    [
      "text in UTF-8",
      compressed(deflated("κόσμε €😀 κόσμε €😀")),
      echoed("κόσμε €😀 κόσμε €😀"),
    ],
    ["a text at level 0", compressed(deflated(hello, 0)), echoed(hello)],
    [
      "a text at level 9",
      compressed(deflated(letters(5000), 9)),
      echoed(letters(5000)),
    ],
    [
      "a text of as many bytes as are taken",
      compressed(deflated(letters(DEFLATE_LIMIT))),
      echoed(letters(DEFLATE_LIMIT)),
    ],
    ["a text in single bytes", byteByByte(compressed(HELLO)), echoed(hello)],
  ],
  where,
);

const OF_FRAGMENTS = section(
  "7692, 7.2.3.1",
  [
    [
      "two fragments",
      [compressed(HELLO.subarray(0, 4), TEXT, false), last(HELLO.subarray(4))],
      echoed(hello),
    ],
    [
      "the example of the RFC",
      [compressed(hex("f248cd"), TEXT, false), last(hex("c9c90700"))],
      message(TEXT, "Hello"),
    ],
    [
      "an empty first fragment",
      [compressed(hex(""), TEXT, false), last(HELLO)],
      echoed(hello),
    ],
    [
      "a ping between them",
      [
        compressed(HELLO.subarray(0, 4), TEXT, false),
        frame(PING),
        last(HELLO.subarray(4)),
      ],
      ['pong ""', echoed(hello)],
    ],
    [
      "fragments that are not compressed",
      [first("hel"), last("lo")],
      message(TEXT, "hello"),
    ],
    [
      "the bit of compression in the second fragment",
      [
        compressed(HELLO.subarray(0, 4), TEXT, false),
        compressed(HELLO.subarray(4), CONTINUATION),
      ],
      broken(1002),
    ],
  ],
  where,
);

const OF_WRONG = section(
  "7692, 7.2.2",
  [
    ["what cannot be decompressed", compressed(hex("ffffffff")), broken(1007)],
    [
      "a block of a kind that there is not",
      compressed(hex("07")),
      broken(1007),
    ],
    ["a distance before the beginning", compressed(hex("03ff")), broken(1007)],
    [
      "compressed text that is no UTF-8",
      compressed(deflated(hex("ff"))),
      broken(1007),
    ],
    [
      "a ping that says that it is compressed",
      frame(PING, "", { rsv: RSV1 }),
      PINGED,
    ],
    [
      "another reserved bit",
      frame(TEXT, HELLO, { rsv: RSV1 | 2 }),
      broken(1002),
    ],
  ],
  where,
);

/** Little that becomes much (section 8): at most as much memory as a message may take. */
const OF_BOMBS = section(
  "7692, 8",
  [
    [
      "one byte more than is taken",
      compressed(deflated(letters(DEFLATE_LIMIT + 1))),
      broken(1009),
    ],
    [
      "a megabyte in a kilobyte",
      compressed(deflated(letters(1_000_000), 9)),
      broken(1009),
    ],
    [
      "a megabyte in fragments",
      [
        compressed(deflated(letters(1_000_000)).subarray(0, 500), TEXT, false),
        last(deflated(letters(1_000_000)).subarray(500)),
      ],
      broken(1009),
    ],
    [
      "ten megabytes of zeros",
      compressed(
        deflated(Buffer.alloc(10_000_000), 9).subarray(0, DEFLATE_LIMIT),
        BINARY,
      ),
      broken(1009),
    ],
  ],
  where,
);

const OF_NONE = section(
  "7692, 6",
  [["compressed where nothing was offered", compressed(HELLO), broken(1002)]],
  { path: "/deflate" },
);

export const COMPRESSED_CASES: readonly FrameCase[] = [
  ...OF_MESSAGES,
  ...OF_FRAGMENTS,
  ...OF_WRONG,
  ...OF_BOMBS,
  ...OF_NONE,
];
