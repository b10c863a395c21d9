/**
 * What the engine "node" makes of frames otherwise than uWebSockets.js, and by which rule. The table in docs/engines.md
 * is this list; the cases are those of test/lib/websocket.
 */

export interface SocketDifference {
  readonly what: string;
  /** What clients get, in words. */
  readonly uws: string;
  readonly inWords: string;
  readonly why: string;
}

export const CLOSED_WITHOUT_A_WORD: SocketDifference = {
  what: "a frame that breaks the protocol, text that is no UTF-8, a message that is too long",
  uws: "closed without a close frame",
  inWords: "a close frame with 1002, 1007 or 1009, closed",
  why: "RFC 6455, section 7.1.7, leaves it to the server",
};

export const CLOSED_WITHOUT_A_CODE: SocketDifference = {
  what: "a close frame with a code that may not be sent, with a reason that is no UTF-8, or that is not masked",
  uws: "a close frame without a code, closed; `socket.closed` has 1006",
  inWords: "a close frame with 1002 or 1007, closed",
  why: "RFC 6455, section 7.1.7",
};

export const CLOSE_OF_ONE_BYTE: SocketDifference = {
  what: "a close frame with one byte",
  uws: "taken for one without a code",
  inWords: "a close frame with 1002, closed",
  why: "RFC 6455, section 5.5.1",
};

export const UNKNOWN_CODES: SocketDifference = {
  what: "a close frame with a code of 1012 to 1014, or of 3000 to 3999",
  uws: "a close frame without a code, closed; `socket.closed` has 1006",
  inWords: "answered with the same code, which `socket.closed` has",
  why: "RFC 6455, section 7.4.2",
};

export const MIXED_FRAGMENTS: SocketDifference = {
  what: "a binary frame between the fragments of a text",
  uws: "taken for the next fragment; the message is binary",
  inWords: "a close frame with 1002, closed",
  why: "RFC 6455, section 5.4",
};

export const COMPRESSED_CONTROL: SocketDifference = {
  what: "a ping with the bit that says compressed, where compression was agreed upon",
  uws: "answered",
  inWords: "a close frame with 1002, closed",
  why: "RFC 7692, section 6.1",
};

export const LAST_BLOCK: SocketDifference = {
  what: "a compressed message whose last block says that it is the last",
  uws: "closed",
  inWords: "taken",
  why: "RFC 7692, section 7.2.3.4",
};

export const EARLY_FRAMES: SocketDifference = {
  what: "frames in the packet of the request for the upgrade",
  uws: "lost",
  inWords: "served",
  why: "RFC 6455, section 4.1, forbids them",
};

export const OF_SOCKETS: readonly SocketDifference[] = [
  CLOSED_WITHOUT_A_WORD,
  CLOSED_WITHOUT_A_CODE,
  CLOSE_OF_ONE_BYTE,
  UNKNOWN_CODES,
  MIXED_FRAGMENTS,
  COMPRESSED_CONTROL,
  LAST_BLOCK,
  EARLY_FRAMES,
];
