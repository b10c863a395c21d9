/** Translates the other server's options to settings, with remarks about each. */
import type { ConfigFileSettings } from "../define-config.ts";
import { settingOf, type Key } from "../schema.ts";
import {
  TranslationError,
  isOff,
  ruleFor,
  type TranslationTable,
  type ForeignOption,
} from "./rules.ts";

/** What became of one option. */
export interface TranslatedOption {
  readonly theirs: ForeignOption;
  readonly settings: ConfigFileSettings;
  /** What could not be translated. */
  readonly lost: readonly string[];
  readonly remark?: string | undefined;
}

export interface Translation {
  readonly settings: ConfigFileSettings;
  /** The other server's defaults, where the file sets nothing and ours differ. */
  readonly defaults: ConfigFileSettings;
  readonly options: readonly TranslatedOption[];
}

export function translate(
  source: TranslationTable,
  options: readonly ForeignOption[],
): Translation {
  const settings: Record<string, unknown> = {};
  const prepared = source.prepare?.(options) ?? options;
  const translated = prepared.map((theirs) => {
    const one = translateOne(source, theirs);
    const clashes = merge(settings, one.settings);
    return { ...one, lost: [...one.lost, ...clashes] };
  });
  const silent = Object.entries(source.defaults(settings)).filter(
    ([key]) => !(key in settings),
  );
  return {
    settings,
    defaults: Object.fromEntries(silent),
    options: translated,
  };
}

function translateOne(
  { rules }: TranslationTable,
  theirs: ForeignOption,
): TranslatedOption {
  const { name, value, unread, harmless } = theirs;
  const rule = ruleFor(rules, name);
  const nothing = { theirs, settings: {}, lost: [] };
  if (rule === undefined)
    return harmless === undefined
      ? { ...nothing, lost: ["eddy import does not know it"] }
      : { ...nothing, remark: harmless };
  if ("needless" in rule) return { ...nothing, remark: rule.needless };
  if (unread === undefined && isUnset(value, "missing" in rule))
    return { ...nothing, remark: "it is not set" };
  if ("missing" in rule) return { ...nothing, lost: [rule.missing] };
  if (unread !== undefined)
    return { ...nothing, lost: [`${unread}: set ${rule.becomes.join(", ")}`] };
  try {
    const lost: string[] = [];
    const read = rule.read(value, (why) => lost.push(why));
    return { theirs, settings: checked(read), lost, remark: rule.remark };
  } catch (error) {
    if (!(error instanceof TranslationError)) throw error;
    return { ...nothing, lost: [error.message] };
  }
}

/** An option that is switched off need not be translated. */
const isUnset = (value: unknown, isMissing: boolean): boolean =>
  value === null || value === "" || (isMissing && isOff(value));

/** As the values of a config file are. */
function checked(settings: ConfigFileSettings): ConfigFileSettings {
  const said = Object.entries(settings).filter(
    ([, value]) => value !== undefined,
  );
  for (const [key, value] of said) {
    const { kind } = settingOf(key as Key);
    if (kind.read(value) === undefined)
      throw new TranslationError(
        `${key} takes ${kind.expected}, not ${JSON.stringify(value)}`,
      );
  }
  return Object.fromEntries(said);
}

/** Lists and tables are joined; of other values the last one counts. Returns what was overridden. */
function merge(
  settings: Record<string, unknown>,
  more: ConfigFileSettings,
): string[] {
  return Object.entries(more).flatMap(([key, value]) => {
    const before = settings[key];
    const both = before === undefined ? value : joined(before, value);
    settings[key] = both ?? value;
    return both === undefined && before !== value
      ? [`${key} is one of them: this is in place of ${JSON.stringify(before)}`]
      : [];
  });
}

/** Undefined: they cannot be. */
function joined(before: unknown, value: unknown): unknown {
  if (Array.isArray(before) && Array.isArray(value))
    return [...(before as unknown[]), ...(value as unknown[])];
  return isTable(before) && isTable(value)
    ? { ...before, ...value }
    : undefined;
}

const isTable = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);
