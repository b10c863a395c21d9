/** How much goes to uWebSockets.js at a time. */
import { CORK_BYTES } from "./packet.ts";

/**
 * Chunks of one body that are sent in a row before others get their turn: an endless source that never waits would be
 * alone on the loop.
 */
export const CHUNKS_PER_TURN = 256;

/** Bytes, likewise: the kernel takes megabytes from a fast source, and copying them takes milliseconds. */
export const BYTES_PER_TURN = 256 * 1024;

/** Bytes, in the route callback, where the engine may have more in its cork: see PIECE_BYTES. */
export const BYTES_AT_ONCE = 4096;

/** Bytes that are collected until the turn is over. */
export const BYTES_COLLECTED = 32 * 1024;

/**
 * Bytes of a body, below which only some are asked for: a client that does not read is stopped after some 16 of them,
 * 32 KiB.
 */
export const SMALL_BYTES = 2048;

/**
 * Line ends behind the last reply of a connection. In the route callback nothing leaves the engine before it has gone
 * on to what came behind the request, unless it is more than its cork holds; and what has not left is lost when the
 * connection is cut. Clients skip line ends between messages (RFC 9112, section 2.2), and here read no further.
 */
export const FLUSH = Buffer.alloc(CORK_BYTES, "\r\n");

export const NOTHING = Buffer.alloc(0);
