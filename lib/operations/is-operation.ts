/** Tells an operation by what it is. */
import type { Operation } from "effection";
import { Wait } from "./wait.ts";

/**
 * What a generator function gives (`next` and `throw`: the iterators of collections have no `throw`), and what effection
 * makes: a plain object that can be iterated, or a wait of ours. Everything else that can be iterated is a value.
 */
export function isOperation(value: object): value is Operation<unknown> {
  if (value instanceof Wait) return true;
  const { next, throw: raise } = value as Partial<Generator>;
  if (typeof next === "function") return typeof raise === "function";
  const prototype: unknown = Object.getPrototypeOf(value);
  return (
    (prototype === Object.prototype || prototype === null) &&
    typeof (value as Partial<Iterable<unknown>>)[Symbol.iterator] === "function"
  );
}
