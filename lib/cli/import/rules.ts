/** How another server's options translate: which setting each becomes, or why there is none. */
import type { ConfigFileSettings } from "../define-config.ts";
import type { Key } from "../schema.ts";

/** An option in the other server's file. */
export interface ForeignOption {
  readonly name: string;
  readonly value: unknown;
  readonly line: number;
  /** Where that line is, if not in the file or the command line that is read. */
  readonly file?: string;
  /** The line itself. */
  readonly written: string;
  /** Why it can be left out if there is no rule for it. */
  readonly harmless?: string;
  /** Why its value is not known, if only the running server knows it. */
  readonly unread?: string;
}

/** Reports that a part of the value is lost. */
export type ReportLoss = (why: string) => void;

/** What becomes of an option. */
export type TranslationRule =
  | {
      readonly becomes: readonly Key[];
      readonly remark?: string | undefined;
      read(value: unknown, lose: ReportLoss): ConfigFileSettings;
    }
  /** It is always so here, or has no meaning here. */
  | { readonly needless: string }
  /** There is nothing like it here. Says what to do instead. */
  | { readonly missing: string };

/** By the options' names, such as "threads, thread"; `*` at the end of one stands for any rest. */
export type TranslationRules = Readonly<Record<string, TranslationRule>>;

/** A server whose config files can be read. */
export interface TranslationTable {
  readonly server: string;
  readonly rules: TranslationRules;
  /** Brings options together that mean something together. */
  prepare?(options: readonly ForeignOption[]): ForeignOption[];
  /** Its defaults that differ from ours. */
  defaults(given: ConfigFileSettings): ConfigFileSettings;
}

/** Thrown for a value that cannot be translated. */
export class TranslationError extends Error {}

/** A rule for an option that has exactly one setting. */
export function to<K extends Key & keyof ConfigFileSettings>(
  key: K,
  read: (value: unknown, lose: ReportLoss) => ConfigFileSettings[K],
  remark?: string,
): TranslationRule {
  return {
    becomes: [key],
    remark,
    read: (value, lose) => ({ [key]: read(value, lose) }) as ConfigFileSettings,
  };
}

export const needless = (why: string): TranslationRule => ({ needless: why });
export const missing = (what: string): TranslationRule => ({ missing: what });

export function ruleFor(
  rules: TranslationRules,
  name: string,
): TranslationRule | undefined {
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

/** How both servers write "off". */
export const isOff = (value: unknown): boolean => OFF.includes(value);
