/** What somebody else has thrown, which may throw itself when it is looked at: a getter, a Proxy. */
import { inspect } from "node:util";

/** As text. */
export function shown(value: unknown): string {
  try {
    return inspect(value);
  } catch {
    return "(something that throws when it is looked at)";
  }
}

/** `instanceof`; false where asking throws. */
export function isA<T>(
  value: unknown,
  Class: abstract new (...args: never[]) => T,
): value is T {
  try {
    return value instanceof Class;
  } catch {
    return false;
  }
}

/** One of its properties; undefined where reading throws. */
export function valueOf(object: object, name: string): unknown {
  try {
    return (object as Record<string, unknown>)[name];
  } catch {
    return undefined;
  }
}
