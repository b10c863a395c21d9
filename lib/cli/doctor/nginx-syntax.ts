/** Config files of nginx, as far as their form goes: directives, their words, and the blocks that they stand in. */
import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { readText, type Source } from "./text.ts";

export interface Directive {
  readonly name: string;
  readonly words: readonly string[];
  readonly file: string;
  readonly line: number;
  /** Where paths that are not absolute may begin. */
  readonly folders: readonly string[];
  /** What stands in its braces. */
  readonly block?: Block;
}

export interface Block {
  readonly directives: readonly Directive[];
  /** A file that it includes is not here: nobody knows what that says. */
  readonly isPart: boolean;
}

export class NginxSyntaxError extends Error {}

export const isNginx = ({ text }: Source): boolean =>
  /^\s*(server|upstream|location|http|events|map|geo)\b[^;\n]*\{|^\s*(proxy|uwsgi|ssl)_\w+\s[^;\n]*;/m.test(
    text,
  );

/** Where Debian's nginx looks for what has no path. */
const PREFIX = "/etc/nginx";

const TOKEN =
  /#[^\n]*|[{};]|"(?:\\[^]|[^"\\])*"|'(?:\\[^]|[^'\\])*'|(?:\\[^]|\$\{\w+\}|[^\s{};])+/g;

interface Token {
  readonly text: string;
  readonly line: number;
}

/** A file with all that it includes. */
export interface Reading {
  readonly source: Source;
  readonly root: Block;
  /** Paths of all that it includes. */
  readonly included: ReadonlySet<string>;
}

/** @throws {NginxSyntaxError} where braces do not match, or a `;` is missing. */
export function readNginx(source: Source): Reading {
  const { file, text } = source;
  const included = new Set<string>();
  const place: Place = { file, main: file, seen: [resolve(file)], included };
  return { source, root: readBlock(tokensOf(text), place), included };
}

/** What is being read. */
interface Place {
  readonly file: string;
  /** The file that includes it, by whatever way. */
  readonly main: string;
  /** It, and those that include it. */
  readonly seen: readonly string[];
  readonly included: Set<string>;
}

/**
 * All readings as nginx would have them: together, in the `http` of the one that has such a block. Those that another
 * one includes are there already. A file of a folder counts where no such block is in it.
 */
export function configurationsOf(readings: readonly Reading[]): Block[] {
  const isIncluded = ({ source }: Reading): boolean =>
    readings.some(({ included }) => included.has(resolve(source.file)));
  const all = readings.filter((one) => !isIncluded(one));
  const mains = all.filter(({ root }) => httpOf(root));
  const parts = all
    .filter(({ root }) => !httpOf(root))
    .filter(({ source }) => mains.length === 0 || source.isNamed)
    .map(({ root }) => root);
  const [main] = mains;
  if (main === undefined) return parts.length > 0 ? [merged(parts)] : [];
  if (mains.length > 1)
    return [
      ...mains.map(({ root }) => root),
      ...(parts.length > 0 ? [merged(parts)] : []),
    ];
  const http = httpOf(main.root)!;
  const directives = main.root.directives.map((one) =>
    one === http ? { ...one, block: merged([one.block!, ...parts]) } : one,
  );
  return [{ ...main.root, directives }];
}

const httpOf = ({ directives }: Block): Directive | undefined =>
  directives.find(({ name, block }) => name === "http" && block !== undefined);

const merged = (blocks: readonly Block[]): Block => ({
  directives: blocks.flatMap(({ directives }) => directives),
  isPart: blocks.some(({ isPart }) => isPart),
});

function* tokensOf(text: string): Generator<Token, undefined> {
  let [line, at] = [1, 0];
  for (const match of text.matchAll(TOKEN)) {
    line += text.slice(at, match.index).split("\n").length - 1;
    at = match.index;
    if (!match[0].startsWith("#")) yield { text: match[0], line };
  }
}

function readBlock(
  tokens: Iterator<Token, undefined>,
  place: Place,
  depth = 0,
): Block {
  const { file, main } = place;
  const folders = [
    dirname(main),
    dirname(file),
    dirname(dirname(file)),
    PREFIX,
  ];
  const directives: Directive[] = [];
  let isPart = false;
  let words: Token[] = [];
  for (;;) {
    const { value: token } = tokens.next();
    if (token === undefined || token.text === "}") {
      if (words.length > 0)
        throw new NginxSyntaxError(
          `${file}:${words[0]!.line}: there is no ; behind ${words[0]!.text}`,
        );
      if (token === undefined && depth > 0)
        throw new NginxSyntaxError(`${file}: a } is missing at the end`);
      if (token !== undefined && depth === 0)
        throw new NginxSyntaxError(
          `${file}:${token.line}: there is a } too many`,
        );
      return { directives, isPart };
    }
    if (token.text !== ";" && token.text !== "{") {
      words.push(token);
      continue;
    }
    const [name, ...rest] = words;
    words = [];
    if (name === undefined) continue;
    const directive = {
      name: name.text,
      words: rest.map(({ text }) => text.replace(/^(["'])([^]*)\1$/, "$2")),
      file,
      line: name.line,
      folders,
    };
    if (token.text === "{") {
      const block = readBlock(tokens, place, depth + 1);
      directives.push({ ...directive, block });
    } else if (directive.name === "include") {
      const [path = ""] = directive.words;
      const found = filesOf(path, folders);
      isPart ||= found === undefined && !HARMLESS.test(path);
      for (const one of found ?? []) {
        const at = resolve(one);
        if (place.seen.includes(at)) continue;
        place.included.add(at);
        const inner = { ...place, file: one, seen: [...place.seen, at] };
        const block = readBlock(tokensOf(readText(one)), inner);
        directives.push(...block.directives);
        isPart ||= block.isPart;
      }
    } else directives.push(directive);
  }
}

/** They come with nginx, and have nothing for those that hand requests on by HTTP. */
const HARMLESS =
  /(^|\/)(mime\.types|(fastcgi|scgi)[\w.-]*|modules-(enabled|available)\/[^/]*)$/;

/** Where a path leads to that is not absolute: as nginx has it, or as the files stand here. */
export const pathsOf = (path: string, folders: readonly string[]): string[] =>
  isAbsolute(path) ? [path] : folders.map((folder) => join(folder, path));

/** Undefined where there is no such file. A pattern may mean none. */
function filesOf(
  pattern: string,
  folders: readonly string[],
): string[] | undefined {
  const paths = pathsOf(pattern, folders);
  if (!/[*?[]/.test(pattern)) {
    const found = paths.find((path) => existsSync(path));
    return found === undefined ? undefined : [found];
  }
  const path = paths.find((one) => existsSync(dirname(one)));
  if (path === undefined) return undefined;
  const name = new RegExp(
    `^${basename(path)
      .replace(/[.+^${}()|\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".")}$`,
  );
  return readdirSync(dirname(path))
    .filter((one) => name.test(one) && !one.startsWith("."))
    .sort()
    .map((one) => join(dirname(path), one));
}
