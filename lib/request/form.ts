/** Turns a collected request body into the `FormData` that the browser sent. */
import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import { Busboy, type BusboyInstance } from "@fastify/busboy";
import {
  BadRequestError,
  UnsupportedMediaTypeError,
} from "../common/errors.ts";

/** Fields and files in one form. PHP (max_input_vars) and Django (DATA_UPLOAD_MAX_NUMBER_FIELDS) stop at 1000, too. */
const MAX_PARTS = 1000;

const FORM_TYPES = "application/x-www-form-urlencoded or multipart/form-data";

/**
 * @throws {UnsupportedMediaTypeError} for a body that is no form.
 * @throws {BadRequestError} for a form that is malformed or has more than 1000 parts.
 */
export function parseForm(
  contentType: string,
  body: Uint8Array,
): FormData | Promise<FormData> {
  const type = contentType.split(";", 1)[0]!.trim().toLowerCase();
  if (type === "application/x-www-form-urlencoded") return urlencoded(body);
  if (type === "multipart/form-data") return multipart(contentType, body);
  throw new UnsupportedMediaTypeError(type, FORM_TYPES);
}

function urlencoded(body: Uint8Array): FormData {
  if (countFields(body) > MAX_PARTS) throw tooMany();
  const { buffer, byteOffset, length } = body;
  const text = Buffer.from(buffer, byteOffset, length).toString();
  return formOf(new URLSearchParams(text));
}

/** Before anything is made of them: half a million fit into 1 MiB. Not on when there are too many. */
function countFields(body: Uint8Array): number {
  let fields = 0;
  let start = 0;
  while (start < body.length && fields <= MAX_PARTS) {
    const found = body.indexOf(AMPERSAND, start);
    const end = found === -1 ? body.length : found;
    if (end > start) fields++;
    start = end + 1;
  }
  return fields;
}

const AMPERSAND = 0x26;

/** RFC 7578. */
async function multipart(
  contentType: string,
  body: Uint8Array,
): Promise<FormData> {
  const refused = new AbortController();
  const refuse = (error: BadRequestError): void => refused.abort(error);
  const malformed = (cause: unknown): void =>
    refuse(new BadRequestError("the multipart form is malformed", { cause }));
  let parts: Part[] = [];
  try {
    const parser = new Busboy({
      headers: { "content-type": contentType },
      isPartAFile: (_name, _type, filename) => filename !== undefined,
      limits: {
        parts: MAX_PARTS,
        fieldNameSize: body.length,
        fieldSize: body.length,
        fileSize: body.length + 1,
      },
    });
    parts = collectParts(parser, malformed);
    parser.on("partsLimit", () => refuse(tooMany()));
    parser.on("error", malformed);
    await feed(parser, body, refused.signal);
  } catch (error) {
    malformed(error); // no boundary
  }
  refused.signal.throwIfAborted();
  return formOf(parts);
}

/**
 * Bytes that are parsed in a row before others get their turn: a megabyte made for it keeps the parser busy for a fifth
 * of a second.
 */
const SLICE = 64 * 1024;

/** Gives the parser all of the body, unless it is refused before. */
async function feed(
  parser: BusboyInstance,
  body: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  for (let start = 0; start < body.length; start += SLICE) {
    if (start > 0) await setImmediate(undefined, { signal });
    parser.write(body.subarray(start, start + SLICE));
  }
  const finished = once(parser, "finish", { signal });
  parser.end();
  await finished;
}

type Part = [name: string, value: string | File];

/** In the order they were sent: a file takes its place when it begins. */
function collectParts(
  parser: BusboyInstance,
  malformed: (cause: unknown) => void,
): Part[] {
  const parts: Part[] = [];
  const add = (name: string | undefined, value: string): number => {
    if (name === undefined) malformed(new Error("a part has no name"));
    return parts.push([name ?? "", value]) - 1;
  };
  parser.on("field", add);
  parser.on("file", (name, stream, filename, _encoding, type) => {
    const place = add(name, "");
    const chunks: BlobPart[] = [];
    stream.on("data", (chunk: Buffer<ArrayBuffer>) => chunks.push(chunk));
    stream.on("error", malformed);
    stream.on("end", () => {
      parts[place]![1] = new File(chunks, filename, { type });
    });
  });
  return parts;
}

function formOf(parts: Iterable<Part>): FormData {
  const form = new FormData();
  for (const [name, value] of parts) form.append(name, value);
  return form;
}

function tooMany(): BadRequestError {
  return new BadRequestError(`the form has more than ${MAX_PARTS} fields`);
}
