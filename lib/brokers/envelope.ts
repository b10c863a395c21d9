/**
 * A message as it goes through a broker: whether it is text, who has sent it, and what it says.
 *
 *     t 3f9c01ab hello     text: the letter, eight characters of the sender's, the message; without the spaces
 *     b 3f9c01ab …         bytes
 */
import { randomBytes } from "node:crypto";
import { bufferOf } from "../common/bytes.ts";
import type { Chunk } from "../engine/message.ts";

const SENDER_BYTES = 8;
const HEAD_BYTES = 1 + SENDER_BYTES;
const TEXT = "t".charCodeAt(0);

/** Of one link: what it has published itself comes back from some brokers, and is dropped. */
export const newSender = (): string =>
  randomBytes(SENDER_BYTES / 2).toString("hex");

export function seal(sender: string, message: Chunk): Buffer {
  if (typeof message === "string") return Buffer.from(`t${sender}${message}`);
  const sealed = Buffer.allocUnsafe(HEAD_BYTES + message.length);
  sealed.write(`b${sender}`, "latin1");
  sealed.set(message, HEAD_BYTES);
  return sealed;
}

/** Undefined for what `sender` has sent itself, and for what is too short to be a message. */
export function unseal(sealed: Uint8Array, sender: string): Chunk | undefined {
  const bytes = bufferOf(sealed);
  if (bytes.length < HEAD_BYTES) return undefined;
  if (bytes.toString("latin1", 1, HEAD_BYTES) === sender) return undefined;
  return bytes[0] === TEXT
    ? bytes.toString("utf8", HEAD_BYTES)
    : bytes.subarray(HEAD_BYTES);
}
