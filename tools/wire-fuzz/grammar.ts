/** Random pieces of requests that RFC 9110, 9112 and 3986 allow. */
import type { Random } from "../fuzz/random.ts";

const LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS = "0123456789";
/** RFC 9110, section 5.6.2. */
const TOKEN = `${LETTERS}${DIGITS}!#$%&'*+-.^_\`|~`;
/** RFC 3986, section 3.3: pchar, without the percent sign. */
const PATH = `${LETTERS}${DIGITS}-._~!$&'()*+,;=:@`;
/** RFC 9110, section 5.5, without what the engine does not take for text. */
const VISIBLE = `${PATH}"#%<>?[\\]^\`{|}/`;

/** Short, mostly; never empty. */
function someLength(random: Random, most: number): number {
  return 1 + random.below(random.chance(0.9) ? Math.min(8, most) : most);
}

function text(random: Random, length: number, alphabet: string): string {
  let made = "";
  while (made.length < length) made += alphabet[random.below(alphabet.length)]!;
  return made;
}

export function token(random: Random): string {
  return text(random, someLength(random, 40), TOKEN);
}

/** Nothing, or segments with a slash before each. */
export function path(random: Random): string {
  const count = random.pick([0, 1, 1, 1, 2, 2, 3, 8]);
  return Array.from({ length: count }, () => `/${escaped(random, PATH)}`).join(
    "",
  );
}

export function query(random: Random): string {
  return escaped(random, `${PATH}/?`);
}

/** Possibly empty. */
function escaped(random: Random, alphabet: string): string {
  const count = random.pick([0, 1, 2, 3, 5, 5, 30]);
  const pieces = Array.from({ length: count }, () =>
    random.chance(0.2)
      ? `%${text(random, 2, `${DIGITS}abcdefABCDEF`)}`
      : text(random, 1, alphabet),
  );
  return pieces.join("");
}

/**
 * A field's value without white space around it. Bytes above 0x7f only as UTF-8 and within ASCII: the engine damages
 * others.
 */
export function fieldValue(random: Random): string {
  if (random.chance(0.05)) return "";
  const length = someLength(random, 200);
  const inner = Array.from({ length }, () => {
    if (random.chance(0.1)) return random.pick([" ", "\t", "  "]);
    if (random.chance(0.02)) return "\xc3\xa9";
    return text(random, 1, VISIBLE);
  });
  return ["v", ...inner, "v"].join("");
}

/** RFC 9110, section 5.6.3: what may stand around a value. */
export function optionalWhiteSpace(random: Random): string {
  return random.pick(["", " ", " ", " ", "\t", "  ", " \t "]);
}

/** RFC 3986, section 3.2.2 and 3.2.3. */
export function authority(random: Random): string {
  const host = random.pick([
    "a",
    "example.org",
    "127.0.0.1",
    "[::1]",
    "[2001:db8::7]",
    "a_b~c!d",
    "%41.example",
    "XN--A.",
  ]);
  return host + random.pick(["", "", ":80", ":", ":65535"]);
}

/** Any bytes, of any size up to some packets. */
export function bodyBytes(random: Random): string {
  const length = random.pick([0, 1, 2, 5, 16, 64, 64, 300, 3000]);
  const long = random.chance(0.002) ? 100_000 : length;
  if (random.chance(0.3))
    return REQUEST.repeat(long / REQUEST.length + 1).slice(0, long);
  let made = "";
  while (made.length < long) made += String.fromCharCode(random.below(256));
  return made;
}

/** A body that would be one if anybody took it for one. */
const REQUEST = "GET /sync/never HTTP/1.1\r\nHost: a\r\n\r\n0\r\n\r\n";
