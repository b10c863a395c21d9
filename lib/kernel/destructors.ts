/** What a scope has to end before it has ended itself. */
import type { Operation } from "effection";

/**
 * Bits: what its owner has to do with a node. A task has both, and in the list its halt comes after its destruction.
 */
export const DESTROY = 1;
export const HALT = 2;

/** A scope, a task or a function given to `scope.ensure()`, in its owner's list. */
export interface Destructor {
  armed: number;
  previous: Destructor | undefined;
  next: Destructor | undefined;
  /** Ends the scope, or is the function. */
  destruct(): Operation<void>;
  /** Tasks only. */
  halt?(): Operation<void>;
}

/**
 * effection has a Set of functions, two for each task. Here the scopes themselves are linked, so that a task adds and
 * removes itself without an allocation, and one list serves for effection's Set of children as well.
 */
export class Destructors {
  #first: Destructor | undefined;
  #last: Destructor | undefined;
  #armed = 0;

  /** Nothing is left to do. Nodes that are being ended may still be linked. */
  get empty(): boolean {
    return this.#armed === 0;
  }

  append(node: Destructor, bits: number): void {
    node.armed = bits;
    this.#armed += bits === (DESTROY | HALT) ? 2 : 1;
    node.previous = this.#last;
    if (this.#last === undefined) this.#first = node;
    else this.#last.next = node;
    this.#last = node;
  }

  /** This is done, or being done. */
  disarm(node: Destructor, bit: number): boolean {
    if ((node.armed & bit) === 0) return false;
    node.armed &= ~bit;
    this.#armed--;
    return true;
  }

  /** Does nothing for a node that was unlinked already. */
  unlink(node: Destructor): void {
    const { previous, next } = node;
    if (previous !== undefined) previous.next = next;
    else if (this.#first === node) this.#first = next;
    else return;
    if (next !== undefined) next.previous = previous;
    else this.#last = previous;
    node.previous = node.next = undefined;
  }

  /** Hands over all that is left to do, the latest first. */
  drain(): (() => Operation<void>)[] {
    const left: (() => Operation<void>)[] = [];
    for (const node of this) {
      if (node.armed & DESTROY) left.push(() => node.destruct());
      if (node.armed & HALT) left.push(() => node.halt!());
      node.armed = 0;
    }
    this.#armed = 0;
    return left.reverse();
  }

  *[Symbol.iterator](): Generator<Destructor, void, unknown> {
    for (let node = this.#first; node !== undefined;) {
      const next: Destructor | undefined = node.next; // it may unlink itself meanwhile
      yield node;
      node = next;
    }
  }
}
