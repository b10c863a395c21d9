/** A target that is a path with a query. */
import { isUtf8 } from "node:buffer";

/** Its two parts (RFC 9112, section 3.2.1). The query is empty without one. */
export function pathAndQuery(target: string): [path: string, query: string] {
  const mark = target.indexOf("?");
  return mark < 0
    ? [target, ""]
    : [target.slice(0, mark), target.slice(mark + 1)];
}

/**
 * The text of a target that has a character for each byte. No URL has bytes beyond ASCII, but clients send them: what
 * is UTF-8 becomes text, and a byte that is not becomes the percent-escape that the client should have sent, so that
 * whoever decodes the path has the byte.
 */
export function targetText(target: string): string {
  if (!HIGH.test(target)) return target;
  const bytes = Buffer.from(target, "latin1");
  if (isUtf8(bytes)) return bytes.toString();
  return target.replace(HIGH_RUNS, (run) => {
    const part = Buffer.from(run, "latin1");
    return isUtf8(part) ? part.toString() : escape(run);
  });
}

const HIGH = /[\x80-\xff]/;
const HIGH_RUNS = /[\x80-\xff]+/g;

const escape = (run: string): string =>
  Array.from(
    run,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`,
  ).join("");
