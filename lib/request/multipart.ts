/**
 * `multipart/form-data` (RFC 7578) as browsers write it (HTML, "multipart/form-data encoding algorithm"): in a quoted
 * name they escape `"`, CR and LF by percent signs, and nothing else, so a backslash is a backslash. What cannot be
 * read in one way is an error: of a form that is read at all, nothing is left out.
 */
import { bufferOf } from "../common/bytes.ts";
import {
  BadRequestError,
  UnsupportedMediaTypeError,
} from "../common/errors.ts";
import { FIELD_VALUE, TOKEN } from "../common/fields.ts";
import { checkCharset, decodeStrictly, parameterOf } from "./charset.ts";

export type Part = readonly [name: string, value: string | File];

/** In the order they were sent. Nothing is kept of `bytes`. @throws {GatewayError} when one is not as it should be. */
export function* partsOf(
  bytes: Uint8Array,
  contentType: string,
): Generator<Part> {
  const body = bufferOf(bytes);
  const delimiter = Buffer.from(`\r\n--${boundaryOf(contentType)}`);
  let start = afterFirst(body, delimiter);
  while (!body.subarray(start, start + 2).equals(DASHES)) {
    const head = endOfLine(body, start);
    // the empty line may be the one in front of the delimiter: then there is no content (RFC 2046, section 5.1.1)
    const empty = body.indexOf(EMPTY_LINE, head - 2);
    const end = empty < 0 ? -1 : body.indexOf(delimiter, empty + 2);
    if (end < 0) throw malformed("it ends within a part");
    if (empty - head > MAX_HEAD)
      throw malformed("a part has more than 64 KiB of header fields");
    const fields = fieldsOf(body.subarray(head, Math.max(empty, head)));
    yield toPart(fields, body.subarray(empty + 4, end));
    start = end + delimiter.length;
  }
  endOfLine(body, start + DASHES.length);
}

const MAX_HEAD = 64 * 1024;
const DASHES = Buffer.from("--");
const EMPTY_LINE = Buffer.from("\r\n\r\n");

function boundaryOf(contentType: string): string {
  const boundary = parameterOf(contentType, "boundary");
  if (!boundary) throw malformed("its content-type has no boundary");
  if (boundary.length > MAX_BOUNDARY)
    throw malformed(`its boundary is longer than ${MAX_BOUNDARY} characters`);
  return boundary;
}

/** RFC 2046, section 5.1.1. */
const MAX_BOUNDARY = 70;

/** What stands before the first delimiter, a preamble, is nothing. */
function afterFirst(body: Buffer, delimiter: Buffer): number {
  const found = body.indexOf(delimiter.subarray(2));
  if (found < 0) throw malformed("its boundary is not in it");
  if (
    found > 0 &&
    !delimiter.equals(body.subarray(found - 2, found - 2 + delimiter.length))
  )
    throw malformed("its first boundary does not begin a line");
  return found + delimiter.length - 2;
}

/** Behind a delimiter there may be padding, and nothing else (RFC 2046, section 5.1.1). */
function endOfLine(body: Buffer, start: number): number {
  let at = start;
  while (isBlank(body[at])) at++;
  const isLineEnd = body[at] === CR && body[at + 1] === LF;
  if (at < body.length && !isLineEnd)
    throw malformed("a line with its boundary goes on");
  return at + 2;
}

const [TAB, LF, CR, SPACE] = [0x09, 0x0a, 0x0d, 0x20];

type Fields = ReadonlyMap<string, string>;

/** A character for each byte. */
function fieldsOf(head: Buffer): Fields {
  const fields = new Map<string, string>();
  for (const line of head.toString("latin1").split("\r\n")) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(colon, 0)).trimEnd().toLowerCase();
    const value = trimmed(line, colon + 1);
    if (!TOKEN.test(name) || !FIELD_VALUE.test(value))
      throw malformed(
        "a part has a line in its head that is not a header field",
      );
    if (fields.has(name)) throw malformed(`a part has two fields ${name}`);
    fields.set(name, value);
  }
  return fields;
}

/** By hand: an expression for it takes a time that grows with the square of the spaces within. */
function trimmed(line: string, from: number): string {
  let [start, end] = [from, line.length];
  while (isBlank(line.charCodeAt(start))) start++;
  while (end > start && isBlank(line.charCodeAt(end - 1))) end--;
  return line.slice(start, end);
}

const isBlank = (code: number | undefined): boolean =>
  code === SPACE || code === TAB;

function toPart(fields: Fields, content: Buffer): Part {
  const disposition = parametersOf(fields.get("content-disposition"));
  const encoding = fields.get("content-transfer-encoding") ?? "binary";
  if (!/^(?:7bit|8bit|binary)$/i.test(encoding))
    // RFC 7578, section 4.7
    throw new UnsupportedMediaTypeError(
      `${encoding} in a part`,
      "parts as they are",
    );
  const name = disposition.get("name");
  if (name === undefined) throw malformed("a part has no name");
  const filename = extended(disposition) ?? disposition.get("filename");
  const type = fields.get("content-type");
  if (filename === undefined) return [name, textOf(content, type)];
  return [
    name,
    new File([content as BlobPart], filename, { type: type ?? "text/plain" }),
  ];
}

function textOf(content: Buffer, type: string | undefined): string {
  checkCharset(type);
  return decodeStrictly(content);
}

/** Of `form-data; name="a"; filename="b.txt"`, by their names in lower case. */
function parametersOf(disposition: string | undefined): Map<string, string> {
  const [, type, rest = ""] = /^([^\s;]*)(.*)$/.exec(disposition ?? "") ?? [];
  if (type?.toLowerCase() !== "form-data")
    throw malformed("a part has no content-disposition of form-data");
  const parameters = new Map<string, string>();
  let end = 0;
  for (const [found, given, quoted, plain] of rest.matchAll(PARAMETER)) {
    const name = given!.toLowerCase();
    end += found.length;
    if (parameters.has(name))
      throw malformed(`a part has two parameters ${name}`);
    parameters.set(name, unescaped(quoted ?? plain!));
  }
  if (!["", ";"].includes(rest.slice(end).trim()))
    throw malformed("a part has a content-disposition that cannot be read");
  return parameters;
}

/** A value stands in quotes, or has nothing in it that would need them. */
const PARAMETER =
  /[\t ]*;[\t ]*([\w!#$%&'*+\-.^`|~]+)[\t ]*=[\t ]*(?:"([^"]*)"|([\w!#$%&'*+\-.^`|~]+))/gy;

/** As browsers escape it. */
function unescaped(value: string): string {
  return decodeStrictly(Buffer.from(value, "latin1")).replace(
    /%(22|0D|0A)/gi,
    (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** RFC 7578, section 4.2, forbids it, but there are clients that give a file no other name. */
function extended(
  disposition: ReadonlyMap<string, string>,
): string | undefined {
  const given = disposition.get("filename*");
  if (given === undefined) return undefined;
  const [, escaped] = /^utf-8'[\w-]*'([^']*)$/i.exec(given) ?? [];
  try {
    if (escaped !== undefined) return decodeURIComponent(escaped);
  } catch {
    // as one that is not in UTF-8
  }
  throw malformed("a part has a filename* that is not UTF-8");
}

function malformed(how: string): BadRequestError {
  return new BadRequestError(`the multipart form is malformed: ${how}`);
}
