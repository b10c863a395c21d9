/** Requests that were valid, and were changed by chance: nobody knows what they are. */
import type { Random } from "../fuzz/random.ts";
import { createRequest } from "./create.ts";
import type { Message } from "./message.ts";
import { readCorpus } from "../../test/wire/case.ts";

const CORPUS = [...readCorpus("valid"), ...readCorpus("invalid")]
  .map(({ steps }) =>
    steps
      .map(({ send }) => send)
      .join("")
      .replaceAll("/echo", "/sync"),
  )
  .filter(isPlain);

export class Mutant implements Message {
  readonly outcome = { kind: "unknown" } as const;
  readonly bytes: string;
  readonly requests: number;

  constructor(bytes: string, requests: number) {
    this.bytes = bytes;
    this.requests = requests;
  }

  /** Without a line, without a half, without a byte. */
  *simpler(): Generator<Mutant> {
    const { bytes, requests } = this;
    const without = (from: number, to: number): Mutant =>
      new Mutant(bytes.slice(0, from) + bytes.slice(to), requests);
    for (const { index, 0: line } of bytes.matchAll(/[^\n]*\n/g))
      yield without(index, index + line.length);
    for (let size = bytes.length >> 1; size > 1; size >>= 1)
      for (let at = 0; at < bytes.length; at += size)
        yield without(at, at + size);
    for (let at = 0; at < bytes.length; at++) yield without(at, at + 1);
  }
}

export function createMutant(random: Random): Mutant {
  const count = random.pick([1, 1, 2, 3]);
  const parts = Array.from({ length: count }, () =>
    random.chance(0.3) ? random.pick(CORPUS) : plainRequest(random),
  );
  let bytes = parts.join("");
  const changes = random.pick([1, 1, 1, 2, 3, 6]);
  for (let i = 0; i < changes; i++) bytes = random.pick(CHANGES)(bytes, random);
  return new Mutant(bytes, count);
}

function plainRequest(random: Random): string {
  for (;;) {
    const { bytes } = createRequest(random, false);
    if (isPlain(bytes)) return bytes;
  }
}

/**
 * Not HEAD: whoever reads the replies would have to know which of them have no body. Not text, in which servers differ.
 */
function isPlain(bytes: string): boolean {
  return bytes.length < 4000 && !/HEAD|[\x80-\xff]/.test(bytes);
}

type Change = (bytes: string, random: Random) => string;

/** What parsers look for. */
const SPICES = [
  ...'\r\n\t\0 :;,.%#/?="\x7f\x80\xff09afAFgx-+',
  "\r\n",
  "\r\n\r\n",
  "\n\n",
  "\r\n ",
  ": ",
  " HTTP/1.1",
  "0\r\n\r\n",
  "chunked",
  "Content-Length: 3\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Connection: close\r\n",
  "Host: b\r\n",
  "GET /sync HTTP/1.1\r\nHost: a\r\n\r\n",
];

const CHANGES: readonly Change[] = [
  (bytes, random) =>
    splice(bytes, random.below(bytes.length), 0, random.pick(SPICES)),
  (bytes, random) =>
    splice(bytes, random.below(bytes.length), 1, random.pick(SPICES)),
  (bytes, random) => splice(bytes, random.below(bytes.length), 1, ""),
  (bytes, random) =>
    splice(bytes, random.below(bytes.length), 1 + random.below(20), ""),
  flipBit,
  (bytes, random) =>
    splice(bytes, lineStart(bytes, random), 0, random.pick(SPICES)),
  (bytes, random) =>
    changeLines(bytes, random, (lines, i) => lines.splice(i, 1)),
  (bytes, random) =>
    changeLines(bytes, random, (lines, i) => lines.splice(i, 0, lines[i]!)),
  (bytes, random) =>
    changeLines(bytes, random, (lines, i) => lines.push(...lines.splice(i, 1))),
  (bytes, random) =>
    changeLines(
      bytes,
      random,
      (lines, i) =>
        (lines[i] = random.chance(0.5)
          ? lines[i]!.toUpperCase()
          : lines[i]!.toLowerCase()),
    ),
];

function splice(
  bytes: string,
  at: number,
  removed: number,
  added: string,
): string {
  return bytes.slice(0, at) + added + bytes.slice(at + removed);
}

function flipBit(bytes: string, random: Random): string {
  const at = random.below(bytes.length);
  const flipped = bytes.charCodeAt(at) ^ (1 << random.below(8));
  return splice(bytes, at, 1, String.fromCharCode(flipped));
}

function lineStart(bytes: string, random: Random): number {
  const from = random.below(bytes.length);
  return bytes.indexOf("\n", from) + 1;
}

function changeLines(
  bytes: string,
  random: Random,
  change: (lines: string[], index: number) => unknown,
): string {
  const lines = bytes.split("\r\n");
  change(lines, random.below(lines.length));
  return lines.join("\r\n");
}
