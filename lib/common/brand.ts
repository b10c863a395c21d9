/**
 * Two copies of eddy may meet in a process: that of a global command, and that of the application. What one has made,
 * the other knows by a brand, so that `instanceof` is true for both.
 */

/** On the prototype of a class that has a brand: its name. */
const BRAND = Symbol.for("eddy:brand");

type Class = abstract new (...args: never) => object;

const isOwn = (kind: Class, value: unknown): boolean =>
  Function.prototype[Symbol.hasInstance].call(kind, value);

/** For a `static {}` of a class: it and those that extend it know theirs of another copy, by their names. */
export function brand(base: Class): void {
  Object.defineProperty(base.prototype, BRAND, { value: base.name });
  Object.defineProperty(base, Symbol.hasInstance, {
    value(this: Class, value: unknown): boolean {
      if (isOwn(this, value)) return true;
      return !isOwn(base, value) && isOfAnother(this, base, value);
    },
  });
}

function isOfAnother(kind: Class, base: Class, value: unknown): boolean {
  const names: unknown[] = [];
  let one: object | null = Object(value) === value ? (value as object) : null;
  while (one !== null && !Object.hasOwn(one, BRAND)) {
    one = Object.getPrototypeOf(one) as object | null;
    names.push(one?.constructor?.name);
  }
  return one !== null && Reflect.get(one, BRAND) === base.name
    ? names.includes(kind.name)
    : false;
}
