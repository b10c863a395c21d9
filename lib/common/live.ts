/** What is under way, in the order of its start: what comes and goes with each request, an exchange for one. */

/** What can be in one such list. */
export interface Linked<T> {
  before: T | undefined;
  after: T | undefined;
}

/**
 * A Set in all but its memory. That one moves to a new table whenever as many as are in it have gone, and V8 links the
 * old table, with all that was in it, to the new one. Once such a table is old, nothing short of a full collection
 * frees what followed it: with a few requests waiting at any time, almost all of them outlive the cheap collections,
 * which then are not cheap any more.
 */
export class Live<T extends Linked<T>> {
  size = 0;
  #first: T | undefined;
  #last: T | undefined;

  /** Something that is not in it. */
  add(one: T): void {
    one.before = this.#last;
    if (this.#last === undefined) this.#first = one;
    else this.#last.after = one;
    this.#last = one;
    this.size++;
  }

  has(one: T): boolean {
    return one.before !== undefined || this.#first === one;
  }

  /** False: it was not in it. */
  delete(one: T): boolean {
    if (!this.has(one)) return false;
    const { before, after } = one;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    one.before = one.after = undefined;
    this.size--;
    return true;
  }

  /** As it is now; at most so many, the oldest. */
  all(most = Infinity): T[] {
    const found: T[] = [];
    let one = this.#first;
    for (; one !== undefined && found.length < most; one = one.after)
      found.push(one);
    return found;
  }

  /** The youngest of them, at most so many, from the oldest on. */
  youngest(most: number): T[] {
    const found: T[] = [];
    let one = this.#last;
    for (; one !== undefined && found.length < most; one = one.before)
      found.push(one);
    return found.reverse();
  }
}
