/** Reads replies as a careful client does: by their own framing, one after the other. */

export interface Reply {
  readonly status: number;
  /** Names in lower case. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

export interface Parsed {
  readonly replies: Reply[];
  /** What is no complete reply (yet). */
  readonly rest: string;
}

/**
 * All complete replies in what was received.
 *
 * @param answersHead Whether the reply of that index answers a HEAD.
 * @param ended The connection is closed: that ends a body without a length.
 */
export function parseReplies(
  received: string,
  answersHead: (index: number) => boolean,
  ended: boolean,
): Parsed {
  const replies: Reply[] = [];
  let rest = received;
  for (;;) {
    rest = rest.replace(/^(?:\r\n)+/, ""); // RFC 9112, section 2.2
    const head = /^HTTP\/1\.1 (\d{3}) [^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n/.exec(
      rest,
    );
    if (!head) return { replies, rest };
    const status = Number(head[1]);
    const fields = parseFields(head[2]!);
    const bodiless =
      status < 200 ||
      status === 204 ||
      status === 304 ||
      answersHead(replies.length);
    const after = rest.slice(head[0].length);
    const body = bodiless ? EMPTY : takeBody(fields, after, ended);
    if (!body) return { replies, rest };
    replies.push({ status, fields, body: body.text });
    rest = after.slice(body.length);
  }
}

interface Body {
  text: string;
  /** On the wire. */
  length: number;
}

const EMPTY: Body = { text: "", length: 0 };

function parseFields(lines: string): [string, string][] {
  return [...lines.matchAll(/([^:\r\n]+):[ \t]*([^\r\n]*?)[ \t]*\r\n/g)].map(
    ([, name, value]) => [name!.toLowerCase(), value!],
  );
}

/** RFC 9112, section 6.3. Undefined: it is not complete. */
function takeBody(
  fields: Reply["fields"],
  bytes: string,
  ended: boolean,
): Body | undefined {
  const valueOf = (name: string): string | undefined =>
    fields.find(([found]) => found === name)?.[1];
  if (valueOf("transfer-encoding") === "chunked") return takeChunks(bytes);
  const announced = valueOf("content-length");
  if (announced === undefined)
    return ended ? { text: bytes, length: bytes.length } : undefined;
  const length = Number(announced);
  if (bytes.length < length) return undefined;
  return { text: bytes.slice(0, length), length };
}

function takeChunks(bytes: string): Body | undefined {
  let text = "";
  for (let at = 0; ;) {
    const line = /^([0-9A-Fa-f]+)\r\n/.exec(bytes.slice(at));
    if (!line) return undefined;
    const size = parseInt(line[1]!, 16);
    const start = at + line[0].length;
    at = start + size + 2;
    if (bytes.slice(start + size, at) !== "\r\n") return undefined;
    text += bytes.slice(start, start + size);
    if (size === 0) return { text, length: at };
  }
}
