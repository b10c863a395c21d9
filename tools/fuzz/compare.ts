/** The same program in all worlds. */
import { kernels, stock, type World } from "../../test/support/worlds.ts";
import { compile, interpret } from "./interpret.ts";
import { sourceOf, type Program } from "./program.ts";

export interface Difference {
  world: World;
  expected: string[];
  actual: string[];
}

/** Where a world first tells something else than effection. */
export async function compare(
  program: Program,
  worlds = kernels,
): Promise<Difference | undefined> {
  const compiled = compile(sourceOf(program));
  const expected = await interpret(program, compiled, stock);
  for (const world of worlds) {
    const actual = await interpret(program, compiled, world);
    if (actual.join("\n") !== expected.join("\n"))
      return { world, expected, actual };
  }
  return undefined;
}
