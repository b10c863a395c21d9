/** Turns a collected request body into the `FormData` that the browser sent. */
import { Busboy, type BusboyInstance } from "@fastify/busboy";
import { BadRequestError, UnsupportedMediaTypeError } from "./errors.ts";

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
  const form = new FormData();
  let parts = 0;
  for (const [name, value] of new URLSearchParams(
    Buffer.from(body.buffer, body.byteOffset, body.length).toString(),
  )) {
    if (++parts > MAX_PARTS) throw tooMany();
    form.append(name, value);
  }
  return form;
}

/** RFC 7578. */
function multipart(contentType: string, body: Uint8Array): Promise<FormData> {
  return new Promise((resolve, reject) => {
    const form = new FormData();
    const malformed = (cause: unknown): void =>
      reject(new BadRequestError("the multipart form is malformed", { cause }));
    let parser: BusboyInstance;
    try {
      const limits = {
        parts: MAX_PARTS,
        fieldSize: body.length,
        fileSize: body.length + 1,
      };
      parser = new Busboy({ headers: { "content-type": contentType }, limits });
    } catch (error) {
      return malformed(error);
    }
    parser.on("field", (name, value) => form.append(name, value));
    parser.on("file", (name, stream, filename, _encoding, type) => {
      const chunks: BlobPart[] = [];
      stream.on("data", (chunk: Buffer<ArrayBuffer>) => chunks.push(chunk));
      stream.on("error", malformed);
      stream.on("end", () =>
        form.append(name, new File(chunks, filename, { type })),
      );
    });
    parser.on("partsLimit", () => reject(tooMany()));
    parser.on("error", malformed);
    parser.on("finish", () => resolve(form));
    parser.end(body);
  });
}

function tooMany(): BadRequestError {
  return new BadRequestError(`the form has more than ${MAX_PARTS} fields`);
}
