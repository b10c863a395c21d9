/** What a front server might send, and what a broken or hostile one would. */
import { Random } from "../fuzz/random.ts";
import { encodePacket } from "../../adapters/uwsgi/packet.ts";

export interface Case {
  readonly bytes: Buffer;
  /** Where the bytes are cut in pieces. */
  readonly cuts: readonly number[];
  /** As it was encoded; undefined when it was changed after that. */
  readonly variables: Readonly<Record<string, string>> | undefined;
}

export function createCase(seed: number): Case {
  const random = new Random(seed);
  const variables = createVariables(random);
  const body = "b".repeat(random.below(20));
  if (random.chance(0.8)) variables["CONTENT_LENGTH"] = String(body.length);
  const whole = Buffer.concat([encodePacket(variables), Buffer.from(body)]);
  const intact = random.chance(0.4);
  const bytes = intact ? whole : mutate(random, whole);
  const cuts = Array.from({ length: random.below(6) }, () =>
    random.below(bytes.length + 1),
  ).sort((a, b) => a - b);
  return { bytes, cuts, variables: intact ? variables : undefined };
}

export function piecesOf({ bytes, cuts }: Case): Buffer[] {
  const ends = [...cuts, bytes.length];
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
}

function createVariables(random: Random): Record<string, string> {
  const variables: Record<string, string> = {
    REQUEST_METHOD: random.pick(["GET", "POST", "HEAD", "OPTIONS", "BREW"]),
    REQUEST_URI: random.pick(["/", "/a?b=c", "/%zz", "//", "/a%00", "/\xff"]),
    HTTP_HOST: random.pick(["example.org", "a:80", "[::1]", ""]),
    REMOTE_ADDR: random.pick(["192.0.2.1", "2001:db8::1", "unix:", "x", ""]),
  };
  for (let i = random.below(8); i > 0; i--)
    variables[random.pick(NAMES)] = random.pick(VALUES);
  return variables;
}

const NAMES = [
  "REQUEST_METHOD",
  "REQUEST_URI",
  "PATH_INFO",
  "QUERY_STRING",
  "CONTENT_LENGTH",
  "CONTENT_TYPE",
  "HTTPS",
  "HTTP_HOST",
  "HTTP_CONNECTION",
  "HTTP_CONTENT_LENGTH",
  "HTTP_TRANSFER_ENCODING",
  "HTTP_EXPECT",
  "HTTP_UPGRADE",
  "HTTP_X_ONE",
  "HTTP_",
  "HTTP_A B",
  "",
];

const VALUES = [
  "",
  "a",
  "on",
  "5",
  "-1",
  "1e3",
  "99999999999999999999",
  "chunked",
  "close",
  "100-continue",
  "websocket",
  "a\r\nx-evil: 1",
  "\0",
  "\x7f",
  "\xe9",
  " a ",
  "x".repeat(7000),
];

/** A few bytes replaced, left out, put in or doubled, or the end cut off. */
function mutate(random: Random, whole: Buffer): Buffer {
  let bytes = [...whole];
  for (let i = 1 + random.below(3); i > 0; i--) {
    const early = random.chance(0.5)
      ? Math.min(40, bytes.length)
      : bytes.length;
    const at = random.below(early + 1);
    const byte = random.pick([0, 1, 10, 13, 32, 255, random.below(256)]);
    const change = random.below(4);
    if (change === 0) bytes[at] = byte;
    else if (change === 1) bytes.splice(at, 1 + random.below(4));
    else if (change === 2) bytes.splice(at, 0, byte);
    else if (random.chance(0.3)) bytes = bytes.slice(0, at);
  }
  return Buffer.from(bytes);
}
