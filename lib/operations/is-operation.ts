/** Tells an operation by what it is. Loads nothing: threads ask, too. */
import type { Operation } from "effection";

/**
 * What a generator function gives (`next` and `throw`: the iterators of collections have no `throw`, async generators give no
 * steps), and what
 * effection makes: a plain object that can be iterated, or an effect that can be. Everything else that can be iterated
 * is a value.
 */
export function isOperation(value: object): value is Operation<unknown> {
  const { next, throw: raise, enter } = value as Record<string, unknown>;
  if (typeof next === "function")
    return typeof raise === "function" && Symbol.iterator in value;
  const prototype: unknown = Object.getPrototypeOf(value);
  return (
    typeof (value as Partial<Iterable<unknown>>)[Symbol.iterator] ===
      "function" &&
    (prototype === Object.prototype ||
      prototype === null ||
      typeof enter === "function")
  );
}
