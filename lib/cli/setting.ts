/** One setting of the command, and how `schema.ts` writes them down. */
import type { Kind } from "./kinds.ts";

export interface Setting<T> {
  readonly kind: Kind<T>;
  readonly default: T;
  readonly about: string;
  readonly group: string;
  /** As a user would write it, for the docs. Tests give it in every possible way. */
  readonly example: string;
  /** Only config files can give it. */
  readonly fileOnly?: true;
  /** Config files cannot give it, because it says which of them are read. */
  readonly notInFiles?: true;
}

export function group<
  const T extends Record<string, Omit<Setting<unknown>, "group">>,
>(
  name: string,
  settings: T,
): { [K in keyof T]: T[K] & { readonly group: string } } {
  const entries = Object.entries(settings);
  return Object.fromEntries(
    entries.map(([key, setting]) => [key, { ...setting, group: name }]),
  ) as never;
}

/** Its types make sure that default and kind agree. */
export function setting<T>(
  kind: Kind<T>,
  fallback: NoInfer<T>,
  example: string,
  about: string,
  where: Pick<Setting<T>, "fileOnly" | "notInFiles"> = {},
): Omit<Setting<T>, "group"> {
  return { kind, default: fallback, example, about, ...where };
}
