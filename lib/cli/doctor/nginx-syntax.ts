/** Config files of nginx, as far as their form goes: directives, their words, and the blocks that they stand in. */
import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { readText } from "./text.ts";

export interface Directive {
  readonly name: string;
  readonly words: readonly string[];
  readonly file: string;
  readonly line: number;
  /** What stands in its braces. */
  readonly block?: Block;
}

export interface Block {
  readonly directives: readonly Directive[];
  /** A file that it includes is not here: nobody knows what that says. */
  readonly isPart: boolean;
}

export class NginxSyntaxError extends Error {}

/** Where Debian's nginx looks for what has no path. */
const PREFIX = "/etc/nginx";

const TOKEN =
  /#[^\n]*|[{};]|"(?:\\[^]|[^"\\])*"|'(?:\\[^]|[^'\\])*'|(?:\\[^]|\$\{\w+\}|[^\s{};])+/g;

interface Token {
  readonly text: string;
  readonly line: number;
}

/** A file with all that it includes. @throws {NginxSyntaxError} where braces do not match, or a `;` is missing. */
export function readNginx(file: string, text = readText(file)): Block {
  const tokens = tokensOf(text);
  const block = readBlock(tokens, file, new Set([resolve(file)]));
  if (!tokens.next().done)
    throw new NginxSyntaxError(`${file}: there is a } too many`);
  return block;
}

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
  file: string,
  seen: Set<string>,
  depth = 0,
): Block {
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
    };
    if (token.text === "{") {
      const block = readBlock(tokens, file, seen, depth + 1);
      directives.push({ ...directive, block });
    } else if (directive.name === "include") {
      const found = filesOf(directive.words[0] ?? "", file);
      isPart ||= found === undefined;
      for (const one of found ?? []) {
        if (seen.has(resolve(one))) continue;
        const inner = tokensOf(readText(one));
        const block = readBlock(inner, one, new Set([...seen, resolve(one)]));
        directives.push(...block.directives);
        isPart ||= block.isPart;
      }
    } else directives.push(directive);
  }
}

/** Undefined where there is no such file. A pattern may mean none. */
function filesOf(pattern: string, file: string): string[] | undefined {
  const folders = isAbsolute(pattern) ? [""] : [dirname(file), PREFIX];
  const paths = folders.map((folder) => join(folder, pattern));
  if (!pattern.includes("*")) {
    const found = paths.find((path) => existsSync(path));
    return found === undefined ? undefined : [found];
  }
  const path = paths.find((one) => existsSync(dirname(one)));
  if (path === undefined) return undefined;
  const name = new RegExp(
    `^${basename(path)
      .replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".")}$`,
  );
  return readdirSync(dirname(path))
    .filter((one) => name.test(one) && !one.startsWith("."))
    .sort()
    .map((one) => join(dirname(path), one));
}
