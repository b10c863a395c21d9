/** What programs do not contain, because effection itself breaks on it. */
interface Exclusion {
  name: string;
  reason: string;
  excludes: (kind: string, args: (string | number)[]) => boolean;
}

export const exclusions: Exclusion[] = [
  {
    name: "a hand-written effect that resolves synchronously and exits asynchronously",
    reason:
      "effection resumes its task twice, and then crashes with a TypeError of its own",
    excludes: (kind, [entered, exited]) =>
      kind === "effect" &&
      ["now", "twice", "fails"].includes(String(entered)) &&
      ["later", "failsLater"].includes(String(exited)),
  },
  {
    name: "a hand-written effect that exits later, and fails to",
    reason:
      "when its task is unwound meanwhile, it is left twice; effection then ends the task twice, and its boundary is told twice",
    excludes: (kind, [, exited]) =>
      kind === "effect" && exited === "failsLater",
  },
];

export const isExcluded = (kind: string, args: (string | number)[]): boolean =>
  exclusions.some(({ excludes }) => excludes(kind, args));
