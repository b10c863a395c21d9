/** Writes a translation as eddy.config.yaml, and a summary of what is left to do. */
import { stringifyYAML } from "confbox";
import type { TranslatedOption, Translation } from "./translate.ts";
import { counted } from "../../common/counted.ts";

interface Origin {
  readonly file: string;
  readonly server: string;
}

/** Each setting stands below the lines that it comes from; lines without a setting stand at the end. */
export function asConfigFile(
  { settings, defaults, options }: Translation,
  { file, server }: Origin,
): string {
  const groups = new Map<string, TranslatedOption[]>();
  for (const option of options)
    for (const key of Object.keys(option.settings))
      groups.set(key, [...(groups.get(key) ?? []), option]);
  const of = (key: string): string => entry(settings, key);
  return [
    `# Made from ${file} by: eddy import. To run it: eddy --config FILE`,
    ...(settings.app === undefined && settings.mount === undefined
      ? ["# No application is named here: eddy --config FILE python:app:app"]
      : []),
    ...[...groups].map(([key, sources]) =>
      [...sources.flatMap(origin), of(key)].join("\n"),
    ),
    ...section(
      `${server} has these defaults, and eddy others`,
      Object.keys(defaults).map((key) => entry(defaults, key)),
    ),
    ...section(
      "NOT TRANSLATED, or not all of it",
      options.filter(isLost).map((option) => comment(option, option.lost)),
    ),
    ...section(
      "Not needed here",
      options
        .filter((option) => !isLost(option) && isEmpty(option))
        .map((option) => comment(option, [option.remark ?? "as it is"])),
    ),
  ]
    .join("\n\n")
    .concat("\n");
}

/** For standard error. */
export function summary(
  { options }: Translation,
  { file, server }: Origin,
): string {
  const lost = options.filter(isLost);
  const lines = lost.map(
    ({ theirs, lost }) =>
      `  ${theirs.file ?? file}:${theirs.line}: ${theirs.name}: ${lost.join("; ")}`,
  );
  const rest =
    lost.length === 0
      ? "all translated"
      : `${lost.length} not translated, or not all of it:`;
  return [
    `${counted(options.length, "option")} of ${server}, ${rest}`,
    ...lines,
  ].join("\n");
}

export const isLost = ({ lost }: TranslatedOption): boolean => lost.length > 0;

const isEmpty = ({ settings }: TranslatedOption): boolean =>
  Object.keys(settings).length === 0;

const entry = (settings: object, key: string): string =>
  stringifyYAML({ [key]: settings[key as never] }).trimEnd();

const origin = ({ theirs, remark }: TranslatedOption): string[] => [
  `# ${theirs.written}${remark === undefined ? "" : ` (${remark})`}`,
];

const comment = (
  { theirs }: TranslatedOption,
  why: readonly string[],
): string =>
  [`# ${theirs.written}`, ...why.map((one) => `#   ${one}`)].join("\n");

const section = (title: string, entries: readonly string[]): string[] =>
  entries.length === 0 ? [] : [`# --- ${title}`, entries.join("\n")];
