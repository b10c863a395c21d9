/** Texts are UTF-8: what says that it is something else is refused, and never guessed at. */
import { MIMEType } from "node:util";
import { bufferOf } from "../common/bytes.ts";
import {
  BadRequestError,
  UnsupportedMediaTypeError,
} from "../common/errors.ts";

/** @throws {UnsupportedMediaTypeError} naming the charset of this content-type, where it is not UTF-8. */
export function checkCharset(contentType: string | undefined): void {
  if (contentType === undefined || !/charset/i.test(contentType)) return;
  const charset =
    parameterOf(contentType, "charset") ?? looseCharset(contentType);
  if (charset !== undefined) checkCharsetName(charset);
}

/** Where that is no media type, or has spaces around its equals sign: it means something all the same. */
const looseCharset = (contentType: string): string | undefined =>
  /(?:^|;)\s*charset\s*=\s*"?([^\s;"]+)/i.exec(
    contentType.replaceAll(/(?<!charset\s*=\s*)"[^"]*"/gi, ""),
  )?.[1];

/** @throws {UnsupportedMediaTypeError} naming the charset, if it is not UTF-8 or a part of it. */
export function checkCharsetName(charset: string): void {
  if (!/^(?:utf-?8|us-ascii)$/i.test(charset))
    throw new UnsupportedMediaTypeError(`charset ${charset}`, "UTF-8");
}

/** A parameter of a media type; undefined where it has none, or is no type. */
export function parameterOf(
  contentType: string,
  name: string,
): string | undefined {
  try {
    return new MIMEType(contentType).params.get(name) ?? undefined;
  } catch {
    return undefined;
  }
}

/** As `Request.text()` has it: without a byte order mark, and with U+FFFD for what is not UTF-8. */
export function decode(bytes: Uint8Array): string {
  const text = bufferOf(bytes).toString();
  return text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text;
}

const BYTE_ORDER_MARK = 0xfeff;

/** All of it, also a byte order mark. @throws {BadRequestError} for what is not UTF-8. */
export function decodeStrictly(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch (cause) {
    throw new BadRequestError(NOT_UTF8, { cause });
  }
}

export const NOT_UTF8 = "the form has text that is not UTF-8";

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
