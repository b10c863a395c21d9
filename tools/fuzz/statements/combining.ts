/** Several operations at once. */
import { task, time, type Kinds } from "./kind.ts";

const branches = (id: number, blocks: string[]): string =>
  blocks
    .map(
      (body, index) =>
        `(function* () { ${body} note(${id}, "branch", ${index}); return "v${index}"; })()`,
    )
    .join(", ");

export const combining: Kinds = {};
for (const [name, weight] of [
  ["race", 1.6],
  ["all", 1.3],
  ["allSettled", 0.8],
] as const)
  for (const count of [0, 1, 2, 3])
    combining[`${name}${count}`] = {
      weight: count === 0 ? weight / 10 : weight,
      ...(count > 0 && {
        blocks: Array.from({ length: count }, () => "task" as const),
      }),
      text: (id, _, blocks) =>
        `note(${id}, "${name}", yield* ${name}([${branches(id, blocks)}]));`,
    };

for (const name of ["race", "all", "allSettled"])
  combining[`${name}Tasks`] = {
    weight: 0.6,
    args: (random) => [task(random), task(random), time(random)],
    text: (id, [first, second, ms]) =>
      `note(${id}, "${name}", yield* ${name}([${first}, ${second}, sleep(${ms})].filter(Boolean)));`,
  };
