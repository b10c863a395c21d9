/** What `eddy config` prints, and the page of docs/settings.md. */
import { KEYS, settingOf, flagOf, variableOf, type Key } from "./schema.ts";
import { DEFAULT, type Configuration, type Resolved } from "./settings.ts";

/** One setting a line: its value, where it came from, and what it overrode. */
export function explain({ resolved }: Configuration): string {
  const rows = KEYS.map(
    (key) =>
      [
        key,
        settingOf(key).kind.show(resolved[key].value),
        origin(key, resolved[key]),
      ] as const,
  );
  const width = (column: 0 | 1): number =>
    Math.min(40, Math.max(...rows.map((row) => row[column].length)));
  return rows
    .map(([key, value, from]) =>
      `${key.padEnd(width(0))}  ${value.padEnd(width(1))}  ${from}`.trimEnd(),
    )
    .join("\n");
}

function origin(key: Key, { source, overrode }: Resolved): string {
  const given = overrode.filter((before) => before.source !== DEFAULT);
  if (given.length === 0) return source;
  const shown = given.map(
    (before) => `${before.source} (${settingOf(key).kind.show(before.value)})`,
  );
  return `${source}, overrode ${shown.reverse().join(", ")}`;
}

/** docs/settings.md */
export function settingsPage(): string {
  const groups = [...new Set(KEYS.map((key) => settingOf(key).group))];
  return [
    "# Settings of the command",
    "",
    "Made from `lib/cli/schema.ts` by `npm run docs`. [The command](command.md) says how they are given: " +
      "each is a flag, a variable and a key of a config file.",
    ...groups.flatMap((group) => [
      "",
      `## ${group}`,
      "",
      "| key | flag, variable | takes | default | meaning |",
      "| --- | --- | --- | --- | --- |",
      ...KEYS.filter((key) => settingOf(key).group === group).map(row),
    ]),
    "",
  ].join("\n");
}

function row(key: Key): string {
  const { kind, about, default: fallback, example, fileOnly } = settingOf(key);
  const given = fileOnly
    ? "config files only"
    : `\`${flagOf(key)}\`, \`${variableOf(key)}\``;
  const cells = [
    `\`${key}\``,
    given,
    fileOnly ? kind.expected : `${kind.expected}; \`${example}\``,
    `${kind.show(fallback)}`,
    about,
  ];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}
