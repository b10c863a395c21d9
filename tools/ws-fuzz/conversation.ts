/** A random conversation of frames: valid up to its end, and what has to come of it. */
import {
  BINARY,
  CLOSE,
  closePayload,
  CONTINUATION,
  frame,
  message,
  PING,
  PONG,
  TEXT,
} from "../../test/support/frames.ts";
import type { Random } from "../fuzz/random.ts";

/** Bytes of a message that the server takes at most. */
export const LIMIT = 4096;

/** How it ends: the client closes, or asks whether the server is there; it breaks the protocol; it leaves. */
export type End = "close" | "ask" | "broken" | "noise" | "leave";

export interface Conversation {
  /** Sent one after the other. */
  readonly pieces: readonly Buffer[];
  /** What is sent back, in words: messages, and pongs, each in order. */
  readonly messages: readonly string[];
  readonly pongs: readonly string[];
  readonly end: End;
}

export function createConversation(random: Random): Conversation {
  const frames: Buffer[] = [];
  const messages: string[] = [];
  const pongs: string[] = [];
  for (let i = random.below(5); i > 0; i--) {
    if (random.chance(0.3)) frames.push(control(random, pongs));
    else frames.push(...whole(random, messages, pongs));
  }
  const end = random.pick<End>(["close", "ask", "broken", "noise", "leave"]);
  frames.push(...lastOf(random, end));
  const pieces = split(random, Buffer.concat(frames));
  return { pieces, messages, pongs, end };
}

const LETTERS = ["a", "é", "€", "😀", "\0", "\u{10ffff}", "hello "];

function textOf(random: Random): string {
  let text = "";
  for (let i = random.below(40); i > 0; i--) text += random.pick(LETTERS);
  return random.chance(0.1) ? text.padEnd(random.pick([125, 126, 2000])) : text;
}

const bytesOf = (random: Random, most: number): Buffer =>
  Buffer.from(
    Array.from({ length: random.below(most) }, () => random.below(256)),
  );

function whole(random: Random, messages: string[], pongs: string[]): Buffer[] {
  const opcode = random.pick([TEXT, BINARY]);
  const payload =
    opcode === TEXT ? Buffer.from(textOf(random)) : bytesOf(random, 300);
  messages.push(message(opcode, payload));
  if (random.chance(0.5)) return [masked(random, opcode, payload)];
  const parts = split(random, payload);
  return parts.flatMap((part, i) => {
    const fin = i === parts.length - 1;
    const one = masked(random, i === 0 ? opcode : CONTINUATION, part, { fin });
    return random.chance(0.2) && !fin ? [one, control(random, pongs)] : [one];
  });
}

function control(random: Random, pongs: string[]): Buffer {
  const payload = bytesOf(random, 126);
  if (random.chance(0.3)) return masked(random, PONG, payload);
  pongs.push(message(PONG, payload));
  return masked(random, PING, payload);
}

const masked = (
  random: Random,
  opcode: number,
  payload: Uint8Array,
  options = {},
): Buffer =>
  frame(opcode, payload, {
    mask: [0, 0, 0, 0].map(() => random.below(256)) as never,
    ...options,
  });

/** Frames that break the protocol, whatever came before. */
const BROKEN: ((random: Random) => Buffer)[] = [
  (random) =>
    frame(random.pick([TEXT, BINARY, PING]), "a", { mask: undefined }),
  (random) => frame(TEXT, "a", { rsv: 1 + random.below(7) }),
  (random) => frame(random.pick([3, 4, 5, 6, 7, 11, 12, 13, 14, 15]), "a"),
  (random) => frame(random.pick([PING, PONG, CLOSE]), Buffer.alloc(126)),
  (random) => frame(random.pick([PING, PONG, CLOSE]), "", { fin: false }),
  (random) => frame(CONTINUATION, "a", { fin: random.chance(0.5) }),
  (random) =>
    frame(TEXT, Buffer.from([97, random.pick([0xff, 0xc0, 0xf8, 0x80])])),
  () => frame(TEXT, Buffer.alloc(LIMIT + 1)),
  () => frame(BINARY, "", { length: 2n ** 62n, lengthBytes: 9 }),
  (random) =>
    frame(CLOSE, closePayload(random.pick([0, 999, 1005, 2999, 65_535]))),
];

function lastOf(random: Random, end: End): Buffer[] {
  if (end === "close") return [frame(CLOSE, closePayload(1000, "bye"))];
  if (end === "broken") return [random.pick(BROKEN)(random)];
  if (end === "noise") return [bytesOf(random, 200)];
  return [];
}

/** At random places; at least one piece. */
function split(random: Random, bytes: Buffer): Buffer[] {
  const cuts = Array.from({ length: random.below(4) }, () =>
    random.below(bytes.length + 1),
  ).sort((a, b) => a - b);
  return [0, ...cuts].map((from, i) => bytes.subarray(from, cuts[i]));
}
