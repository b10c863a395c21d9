/** Program after program, until one differs. */
import { compare, type Difference } from "./compare.ts";
import { createProgram, sourceOf, type Program } from "./program.ts";
import { shrink } from "./shrink.ts";

export interface Finding {
  seed: number;
  program: Program;
  difference: Difference;
}

/** The first of `count` programs from `seed` on that differs. */
export async function search(
  seed: number,
  count: number,
  progress: (done: number) => void = () => {},
): Promise<Finding | undefined> {
  for (let done = 0; done < count; done++) {
    const program = createProgram(seed + done);
    const difference = await compare(program);
    if (difference) return { seed: seed + done, program, difference };
    progress(done + 1);
  }
  return undefined;
}

/** Makes it small, and tells it to people. */
export async function explain(finding: Finding): Promise<string> {
  const [program, { world, expected, actual }] = await shrink(
    finding.program,
    finding.difference,
  );
  const { start, hosted } = program;
  return [
    `Seed ${finding.seed} differs on ${world.name}; at its smallest (start: ${start}, hosted: ${hosted}):`,
    sourceOf(program),
    "effection tells:",
    ...expected.map((line) => `  ${line}`),
    `${world.name} tells:`,
    ...actual.map((line) => `  ${line}`),
  ].join("\n");
}
