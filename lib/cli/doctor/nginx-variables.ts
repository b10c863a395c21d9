/** What a value of nginx's may become: variables of `set` and `map` are followed to what they are made of. */
import type { Block, Directive } from "./nginx-syntax.ts";

/** For which requests. */
export type Requests =
  /** Whatever a client sends. */
  | "all"
  /** Those without the fields that a `map` looks at. */
  | "plain";

const VARIABLE = /\$(?:\{(\w+)\}|(\w+))/g;

/** What nginx itself knows of the connection, and no client chooses. */
const OF_CONNECTION =
  /\$\{?(\w*remote_addr|proxy_protocol_addr|server_addr|server_port|ssl_client_\w+)/;

/** All texts that it may become where these blocks, the innermost first, are around it. */
export function textsOf(
  text: string,
  around: readonly Block[],
  requests: Requests,
  seen: readonly string[] = [],
): string[] {
  for (const match of text.matchAll(VARIABLE)) {
    const name = match[1] ?? match[2]!;
    const values = seen.includes(name)
      ? undefined
      : valuesOf(name, around, requests, seen);
    if (values === undefined) continue;
    const [before, after] = [
      text.slice(0, match.index),
      text.slice(match.index + match[0].length),
    ];
    const texts = values.flatMap((value) =>
      textsOf(before + value + after, around, requests, [...seen, name]),
    );
    return [...new Set(texts)];
  }
  return [text];
}

/** Undefined: nobody here says what it is. */
function valuesOf(
  name: string,
  around: readonly Block[],
  requests: Requests,
  seen: readonly string[],
): string[] | undefined {
  const set = around
    .map((block) => [...assignments(block, name)])
    .find((found) => found.length > 0);
  if (set !== undefined) return set;
  const map = mapOf(name, around);
  if (map === undefined) return undefined;
  const [source = ""] = map.words;
  const sources = textsOf(source, around, "all", [...seen, name]);
  const isTrust = sources.some(
    (one) => OF_CONNECTION.test(one) || isGeo(one, around),
  );
  return isTrust ? undefined : valuesIn(map, source, requests);
}

/** Of `set`, also of those behind an `if`. */
function* assignments(
  { directives }: Block,
  variable: string,
): Generator<string> {
  for (const { name, words, block } of directives)
    if (name === "set" && words[0] === `$${variable}`) yield words[1] ?? "";
    else if (name === "if" && block) yield* assignments(block, variable);
}

const mapOf = (name: string, around: readonly Block[]): Directive | undefined =>
  around
    .flatMap(({ directives }) => directives)
    .find((one) => one.name === "map" && one.words[1] === `$${name}`);

/** What it is depends on addresses. */
const isGeo = (text: string, around: readonly Block[]): boolean =>
  around
    .flatMap(({ directives }) => directives)
    .some((one) => one.name === "geo" && one.words.at(-1) === text);

function valuesIn(
  { block }: Directive,
  source: string,
  requests: Requests,
): string[] {
  const entries = (block?.directives ?? [])
    .filter(({ words }) => words.length > 0)
    .map(({ name, words: [value = ""] }) => ({
      key: name.replace(/^(["'])(.*)\1$/, "$2"),
      value,
    }));
  const fallback = entries.find(({ key }) => key === "default")?.value ?? "";
  if (requests === "plain" && /^\$\{?http_/.test(source))
    return [entries.find(({ key }) => key === "")?.value ?? fallback];
  return [
    fallback,
    ...entries.map(({ key, value }) =>
      key.startsWith("~") ? withCaptures(key, value, source) : value,
    ),
  ];
}

/** What an expression takes from the source is the source's word. */
function withCaptures(pattern: string, value: string, source: string): string {
  const names = [...pattern.matchAll(/\(\?P?[<'](\w+)[>']/g)].map(
    ([, name]) => name!,
  );
  return value.replace(VARIABLE, (whole, braced, bare) => {
    const name = braced ?? bare;
    return /^\d$/.test(name) || names.includes(name) ? source : whole;
  });
}
