/** The head of a reply as a worker sends it: "status NUL name NUL value NUL …". */
import { CheckedHeaders } from "../../lib/adapter.ts";

interface ParsedHead {
  readonly status: number;
  readonly statusText: string | undefined;
  readonly headers: CheckedHeaders;
}

/** Reads heads, and keeps the last one: most are the same as the one before. */
export class ReplyHeadReader {
  #text: string | undefined;
  #head!: ParsedHead;

  /** @throws {InvalidReplyError} naming the field that is not valid. */
  read(text: string): ParsedHead {
    if (text === this.#text) return this.#head;
    this.#head = parse(text);
    this.#text = text;
    return this.#head;
  }
}

function parse(text: string): ParsedHead {
  const [status, ...fields] = text.split("\0") as [string, ...string[]];
  const pairs: [string, string][] = [];
  for (let i = 0; i < fields.length; i += 2)
    pairs.push([fields[i]!, fields[i + 1]!]);
  return {
    status: Number(status.slice(0, 3)),
    statusText: status.slice(4) || undefined,
    headers: new CheckedHeaders(pairs),
  };
}
