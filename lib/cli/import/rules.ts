/** What a table says of another server's options: which setting each becomes, or why it becomes none. */
import type { ConfigFileSettings } from "../define-config.ts";
import type { Key } from "../schema.ts";

/** One option as their file has it. */
export interface Theirs {
  readonly name: string;
  readonly value: unknown;
  readonly line: number;
  /** As it stands there. */
  readonly written: string;
  /** Why it does no harm if no rule has it. */
  readonly harmless?: string;
  /** Why there is no value, where only the running server knows it. */
  readonly unread?: string;
}

/** Says that a part of the value is lost. */
export type Lose = (why: string) => void;

/** What becomes of an option. */
export type Rule =
  | {
      readonly becomes: readonly Key[];
      readonly remark?: string | undefined;
      read(value: unknown, lose: Lose): ConfigFileSettings;
    }
  /** It is so here, too, or means nothing here. */
  | { readonly needless: string }
  /** There is nothing like it; what to do. */
  | { readonly missing: string };

/** By their names, "threads, thread"; one that ends with * is for all that begin so. */
export type Rules = Readonly<Record<string, Rule>>;

/** A server whose config files can be read. */
export interface Source {
  readonly server: string;
  readonly rules: Rules;
  /** What it does where nothing is said, and we would not. */
  defaults(given: ConfigFileSettings): ConfigFileSettings;
}

/** Thrown by a conversion. */
export class ByHand extends Error {}

/** A rule for an option that has exactly one setting. */
export function to<K extends Key & keyof ConfigFileSettings>(
  key: K,
  read: (value: unknown, lose: Lose) => ConfigFileSettings[K],
  remark?: string,
): Rule {
  return {
    becomes: [key],
    remark,
    read: (value, lose) => ({ [key]: read(value, lose) }) as ConfigFileSettings,
  };
}

export const needless = (why: string): Rule => ({ needless: why });
export const missing = (what: string): Rule => ({ missing: what });

export function ruleFor(rules: Rules, name: string): Rule | undefined {
  const entries = Object.entries(rules).flatMap(([names, rule]) =>
    names.split(", ").map((one) => [one, rule] as const),
  );
  const exact = entries.find(([one]) => one === name);
  const family = entries.find(
    ([one]) => one.endsWith("*") && name.startsWith(one.slice(0, -1)),
  );
  return (exact ?? family)?.[1];
}

const OFF: readonly unknown[] = [
  undefined,
  null,
  "",
  false,
  "false",
  "no",
  "off",
  0,
  "0",
];

/** As both servers say no. */
export const isOff = (value: unknown): boolean => OFF.includes(value);
