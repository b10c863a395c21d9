/** How a difference is written down. */

export interface Difference {
  readonly why: string;
  /** What node:http does, in the words of a case. */
  readonly node: readonly string[];
  /** Names, separated by white space. */
  readonly cases: string;
  /** The first Node.js that does as eddy. */
  readonly before?: number;
}

export const REFUSED = ["400", "closed"];
export const REFUSED_LATE = ["called POST /echo", "400", "closed"];
export const ANSWERED = ["200", "open"];
export const BOTH_ANSWERED = ["200", "200", "open"];
