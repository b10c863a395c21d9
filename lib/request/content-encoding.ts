/** Compressed bodies of requests: inflated where the application asks for it, and within its limit. */
import { constants } from "node:buffer";
import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate } from "node:zlib";
import {
  BadRequestError,
  BodyTooLargeError,
  UnsupportedMediaTypeError,
} from "../common/errors.ts";

/** RFC 9110, section 8.4.1. */
const CODINGS = new Map([
  ["gzip", promisify(gunzip)],
  ["x-gzip", promisify(gunzip)],
  ["deflate", promisify(inflate)],
  ["br", promisify(brotliDecompress)],
]);

/**
 * The body as it was before the client compressed it. Node's own threads do that, so `bytes` must stay as they are.
 *
 * @param coding - what the client names in `Content-Encoding`.
 * @param limit - bytes that may come of it; 0 where compressed bodies are not taken.
 * @throws {UnsupportedMediaTypeError} for any other coding, for several, and with a limit of 0.
 * @throws {BodyTooLargeError} for more than `limit` bytes.
 * @throws {BadRequestError} when they cannot be inflated.
 */
export async function inflated(
  bytes: Uint8Array,
  coding: string,
  limit: number,
): Promise<Uint8Array> {
  const inflateAll =
    limit === 0 ? undefined : CODINGS.get(coding.toLowerCase());
  if (inflateAll === undefined)
    throw new UnsupportedMediaTypeError(
      `content-encoding ${coding}`,
      limit === 0
        ? "the body as it is"
        : "gzip, deflate, br or the body as it is",
    );
  const maxOutputLength = Math.min(limit, constants.MAX_LENGTH);
  try {
    return await inflateAll(bytes, { maxOutputLength });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE")
      throw new BodyTooLargeError(limit);
    throw new BadRequestError(`the body is not valid ${coding}`, { cause });
  }
}
