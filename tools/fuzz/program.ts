/** A random program as plain data, and as the JavaScript it stands for. */
import { Random } from "./random.ts";
import { kinds } from "./statements/index.ts";
import type { Context } from "./statements/kind.ts";

export interface Statement {
  kind: string;
  id: number;
  args: (string | number)[];
  blocks: Block[];
}

export type Block = Statement[];

export interface Program {
  /** How the root starts: as a task of the scope, or through `fork`. */
  start: "run" | "fork";
  /** Under a scope in which a task of effection itself is busy? */
  hosted: boolean;
  /** What happens from outside. */
  acts: Block;
  body: Block;
}

const DEPTH = 3;

export function createProgram(seed: number): Program {
  const random = new Random(seed);
  let id = 0;

  const block = (context: Context, depth: number, length: number): Block =>
    Array.from({ length }, () => statement(context, depth));

  const statement = (context: Context, depth: number): Statement => {
    const kind = chooseKind(random, context, depth < DEPTH);
    const { args, blocks = [] } = kinds[kind]!;
    return {
      kind,
      id: ++id,
      args: args?.(random) ?? [],
      blocks: blocks.map((inner) =>
        block(inner, depth + 1, 1 + random.below(3)),
      ),
    };
  };

  return {
    start: random.chance(0.5) ? "run" : "fork",
    hosted: random.chance(0.15),
    acts: block("act", DEPTH - 1, random.below(6)),
    body: block("task", 0, 3 + random.below(6)),
  };
}

/** The kinds that fit, each with the sum of the weights up to it. */
function choices(context: Context, nested: boolean): [string, number][] {
  let sum = 0;
  return Object.entries(kinds)
    .filter(([, kind]) => fits(kind.in ?? "task", context))
    .filter(([, kind]) => nested || kind.blocks === undefined)
    .map(([name, { weight }]) => [name, (sum += weight)]);
}

/** What works outside of a task also works in one. */
const fits = (kind: Context, context: Context): boolean =>
  kind === context || (kind === "outside" && context === "task");

const tables = new Map<string, [string, number][]>();

function chooseKind(random: Random, context: Context, nested: boolean): string {
  const key = `${context} ${nested}`;
  if (!tables.has(key)) tables.set(key, choices(context, nested));
  const table = tables.get(key)!;
  const at = random.next() * table.at(-1)![1];
  return table.find(([, sum]) => at < sum)![0];
}

export const render = (block: Block): string =>
  block
    .map(({ kind, id, args, blocks }) =>
      kinds[kind]!.text(id, args, blocks.map(render)),
    )
    .join("\n");

export function sourceOf({ acts, body }: Program): string {
  return `${render(acts)}\nreturn function* () {\n${render(body)}\nreturn "done";\n};`;
}
