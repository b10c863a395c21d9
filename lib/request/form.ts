/** Turns a collected request body into the `FormData` that the browser sent. */
import {
  BadRequestError,
  UnsupportedMediaTypeError,
} from "../common/errors.ts";
import {
  checkCharset,
  checkCharsetName,
  decodeStrictly,
  NOT_UTF8,
} from "./charset.ts";
import { partsOf } from "./multipart.ts";

/** Fields and files in one form. PHP (max_input_vars) and Django (DATA_UPLOAD_MAX_NUMBER_FIELDS) stop at 1000, too. */
const MAX_PARTS = 1000;

const FORM_TYPES = "application/x-www-form-urlencoded or multipart/form-data";

/**
 * Keeps nothing of `body`.
 *
 * @throws {UnsupportedMediaTypeError} for a body that is no form, or in another charset than UTF-8.
 * @throws {BadRequestError} for a form that is malformed or has more than 1000 parts.
 */
export function parseForm(contentType: string, body: Uint8Array): FormData {
  const type = contentType.split(";", 1)[0]!.trim().toLowerCase();
  const parse = PARSERS.get(type);
  if (parse === undefined)
    throw new UnsupportedMediaTypeError(type, FORM_TYPES);
  checkCharset(contentType);
  const form = new FormData();
  let count = 0;
  for (const [name, value] of parse(body, contentType)) {
    if (++count > MAX_PARTS)
      throw new BadRequestError(`the form has more than ${MAX_PARTS} fields`);
    if (name === "_charset_" && typeof value === "string" && value !== "")
      checkCharsetName(value); // RFC 7578, section 4.6
    form.append(name, value);
  }
  return form;
}

type Parser = (
  body: Uint8Array,
  contentType: string,
) => Iterable<readonly [name: string, value: string | File]>;

const PARSERS = new Map<string, Parser>([
  ["application/x-www-form-urlencoded", fieldsOf],
  ["multipart/form-data", partsOf],
]);

/** One after the other, as half a million fit into 1 MiB. */
function* fieldsOf(
  body: Uint8Array,
): Generator<readonly [name: string, value: string]> {
  const text = decodeStrictly(body).replace(/^\ufeff/, "");
  for (const [field] of text.matchAll(/[^&]+/g)) {
    const [pair] = new URLSearchParams(`&${field}`); // or else a "?" in front would be left out
    if (count(DAMAGED, pair!.join("")) > count(ESCAPED, field))
      throw new BadRequestError(NOT_UTF8);
    yield pair!;
  }
}

const count = (pattern: RegExp, text: string): number =>
  text.match(pattern)?.length ?? 0;

/** What stands for bytes that are not UTF-8, unless it was sent. */
const DAMAGED = /\ufffd/g;
const ESCAPED = /\ufffd|%EF%BF%BD/gi;
