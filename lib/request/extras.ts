/** What a reply may have beside itself: interim replies before it, trailers behind it. */

/** Where a request says so, also one of another copy of this package. */
export const SENDS_EXTRAS = Symbol.for("eddy:sends-extras");

/** Whether they can be sent to the client of a request. */
export const sendsExtras = (request: {
  readonly [SENDS_EXTRAS]: boolean;
}): boolean => request[SENDS_EXTRAS];
