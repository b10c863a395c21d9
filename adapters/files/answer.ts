/** What a request gets of a file, by its conditions and ranges. */
import { randomUUID } from "node:crypto";
import type { GatewayRequest, GatewayResponse } from "../../lib/adapter.ts";
import type { ByteRange, FilePieces } from "../common/file-pieces.ts";
import { isSameFile, preconditions } from "./conditions.ts";
import { rangesOf } from "./ranges.ts";
import type { Field, Representation } from "./representation.ts";

/** Parts of a file, and text before and behind them. */
export type Parts = readonly (string | ByteRange)[];

/** Parts as a body. */
type BodyOf = (parts: Parts) => Uint8Array | FilePieces;

/** Of a file that is kept. */
export const inMemory =
  (bytes: Uint8Array): BodyOf =>
  (parts) => {
    const pieces = parts.map((part) =>
      typeof part === "string" ? Buffer.from(part) : bytes.subarray(...part),
    );
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  };

/** In the order of RFC 9110, section 13.2.2. */
export function answer(
  { method, headers }: GatewayRequest,
  file: Representation,
  bodyOf: BodyOf,
): GatewayResponse {
  const verdict = preconditions(headers, file);
  if (verdict === "failed") return { status: 412, body: "" };
  if (verdict === "unchanged") return file.unchanged;
  const range = method === "GET" ? headers.get("range") : undefined;
  const ranges =
    range !== undefined && isSameFile(headers, file)
      ? rangesOf(range, file.size)
      : undefined;
  if (ranges === undefined)
    return reply(200, file.fields, [[0, file.size]], bodyOf);
  const [first] = ranges;
  if (first === undefined)
    return {
      status: 416,
      headers: { "content-range": `bytes */${file.size}` },
      body: "",
    };
  if (ranges.length > 1) return multipart(file, ranges, bodyOf);
  const fields = [...file.fields, contentRange(first, file)];
  return reply(206, fields, ranges, bodyOf);
}

/** RFC 9110, section 14.6. */
function multipart(
  file: Representation,
  ranges: readonly ByteRange[],
  bodyOf: BodyOf,
): GatewayResponse {
  const boundary = randomUUID();
  const [[, type]] = file.fields.filter(isType) as [Field];
  const parts = ranges.flatMap((range) => [
    `\r\n--${boundary}\r\ncontent-type: ${type}\r\n${contentRange(range, file).join(": ")}\r\n\r\n`,
    range,
  ]);
  const fields: Field[] = [
    ...file.fields.filter((field) => !isType(field)),
    ["content-type", `multipart/byteranges; boundary=${boundary}`],
  ];
  return reply(206, fields, [...parts, `\r\n--${boundary}--\r\n`], bodyOf);
}

const isType = ([name]: Field): boolean =>
  name.toLowerCase() === "content-type";

/** From the first byte to the last one. */
const contentRange = (
  [from, to]: ByteRange,
  { size }: Representation,
): Field => ["content-range", `bytes ${from}-${to - 1}/${size}`];

function reply(
  status: number,
  fields: readonly Field[],
  parts: Parts,
  bodyOf: BodyOf,
): GatewayResponse {
  const length = parts.reduce(
    (sum, part) =>
      sum +
      (typeof part === "string" ? Buffer.byteLength(part) : part[1] - part[0]),
    0,
  );
  const headers: Field[] = [...fields, ["content-length", String(length)]];
  return { status, headers, body: bodyOf(parts) };
}
