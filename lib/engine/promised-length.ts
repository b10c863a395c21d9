/** The length of a streamed body that the application has promised; none where it is undefined. */
import { InvalidReplyError } from "../common/errors.ts";

/** @throws {InvalidReplyError} when the body grows longer than that. */
export function checkNotTooMuch(
  produced: number,
  promised: number | undefined,
): void {
  if (promised !== undefined && produced > promised)
    throw new InvalidReplyError(
      `the body is longer than the content-length of ${promised}`,
    );
}

/** @throws {InvalidReplyError} when the body is of another length at its end. */
export function checkAllProduced(
  produced: number,
  promised: number | undefined,
): void {
  if (promised !== undefined && produced !== promised)
    throw new InvalidReplyError(
      `the body has ${produced} bytes, its content-length says ${promised}`,
    );
}
