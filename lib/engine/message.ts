/** What goes to clients: heads, and pieces of bodies. Types only. */

/** A piece of a body. Strings are sent as UTF-8. */
export type Chunk = string | Uint8Array;

/** Status line and header fields of a reply, checked. */
export interface ReplyHead {
  readonly status: number;
  /** With the code in front, as on the wire. */
  readonly statusLine: string;
  /** name, value, name, value, …; a value with bytes above 0x7f is a Buffer of latin-1. */
  readonly fields: readonly (string | Buffer)[];
  /** As promised by the application. */
  contentLength: number | undefined;
  /**
   * The connection ends with this reply, and the reply says so. Not before the body of the request is over, or its
   * client has had some time for it: a reset would take the reply away from who is still sending (RFC 9112, section
   * 9.6). What comes of that body meanwhile is dropped.
   */
  close: boolean;
  /** In place of the engine's own, where the engine lets it. */
  readonly date?: string | undefined;
  /**
   * Gives the fields that follow a streamed body, checked as those above: to be called at the end of one, by an engine
   * that can send them there.
   */
  readonly trailers?: (() => readonly (string | Buffer)[]) | undefined;
}
