/** The smallest program that still differs. */
import { compare, type Difference } from "./compare.ts";
import type { Block, Program, Statement } from "./program.ts";

export async function shrink(
  program: Program,
  found: Difference,
): Promise<[Program, Difference]> {
  for (const candidate of simpler(program)) {
    const difference = await compare(candidate, [found.world]).catch(
      () => undefined,
    ); // hoisting can break the syntax
    if (difference) return shrink(candidate, difference);
  }
  return [program, found];
}

function* simpler(program: Program): Generator<Program> {
  if (program.hosted) yield { ...program, hosted: false };
  if (program.start === "fork") yield { ...program, start: "run" };
  for (const acts of simplerBlocks(program.acts)) yield { ...program, acts };
  for (const body of simplerBlocks(program.body)) yield { ...program, body };
}

/** Without half of it, without one of it, with one replaced by what it contains, with one simpler in itself. */
function* simplerBlocks(block: Block): Generator<Block> {
  const half = block.length >> 1;
  if (half > 1) {
    yield block.slice(half);
    yield block.slice(0, half);
  }
  for (const [index, statement] of block.entries()) {
    yield block.toSpliced(index, 1);
    for (const inner of statement.blocks)
      yield block.toSpliced(index, 1, ...inner);
    for (const other of simplerStatements(statement))
      yield block.with(index, other);
  }
}

function* simplerStatements(statement: Statement): Generator<Statement> {
  for (const [index, block] of statement.blocks.entries())
    for (const inner of simplerBlocks(block))
      yield { ...statement, blocks: statement.blocks.with(index, inner) };
}
