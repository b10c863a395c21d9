/** A translation as eddy.config.yaml, and what is left to do in a few lines. */
import { stringifyYAML } from "confbox";
import type { Translated, Translation } from "./translate.ts";

interface From {
  readonly file: string;
  readonly server: string;
}

/** Each setting below the lines that it comes from; the lines without one at the end. */
export function asConfigFile(
  { settings, defaults, options }: Translation,
  { file, server }: From,
): string {
  const groups = new Map<string, Translated[]>();
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
  { file, server }: From,
): string {
  const lost = options.filter(isLost);
  const lines = lost.map(
    ({ theirs, lost }) =>
      `  ${file}:${theirs.line}: ${theirs.name}: ${lost.join("; ")}`,
  );
  const rest =
    lost.length === 0
      ? "all translated"
      : `${lost.length} not translated, or not all of it:`;
  return [`${options.length} options of ${server}, ${rest}`, ...lines].join(
    "\n",
  );
}

export const isLost = ({ lost }: Translated): boolean => lost.length > 0;

const isEmpty = ({ settings }: Translated): boolean =>
  Object.keys(settings).length === 0;

const entry = (settings: object, key: string): string =>
  stringifyYAML({ [key]: settings[key as never] }).trimEnd();

const origin = ({ theirs, remark }: Translated): string[] => [
  `# ${theirs.written}${remark === undefined ? "" : ` (${remark})`}`,
];

const comment = ({ theirs }: Translated, why: readonly string[]): string =>
  [`# ${theirs.written}`, ...why.map((one) => `#   ${one}`)].join("\n");

const section = (title: string, entries: readonly string[]): string[] =>
  entries.length === 0 ? [] : [`# --- ${title}`, entries.join("\n")];
