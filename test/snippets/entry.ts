/** An entry of the table: how one block of a page is tested. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { Block } from "../support/snippets.ts";
import { ROOT } from "../support/root.ts";

/** A block at its place. */
export interface Here {
  readonly page: string;
  readonly text: string;
  /** Its own, below the package's, and the working directory of the test. */
  readonly folder: string;
  /** Another one of the page, by its number from 1 on. */
  other(number: number): Here;
}

export interface Entry {
  /** As its fence has it. */
  readonly language: string;
  /** The other blocks that are tested with it. */
  readonly uses?: readonly number[];
  /** What is compiled for it, by the names of files in its folder. */
  sources?(here: Here): Readonly<Record<string, string>>;
  /** Why it cannot be tested here; undefined when it can. */
  missing?(): string | undefined;
  test(here: Here): void | Promise<void>;
}

/** A part of what another block of the page is tested with, which `uses` it. */
export interface Part {
  readonly partOf: number;
}

export const partOf = (number: number): Part => ({ partOf: number });

export const isPart = (entry: Entry | Part): entry is Part => "partOf" in entry;

/** The entry of each block. */
export type Page = readonly (Entry | Part)[];

/** What is wrong with the entries of a page. */
export function faultsOf(blocks: readonly Block[], entries: Page): string[] {
  const faults = blocks.map(({ language }, i) => {
    const entry = entries[i];
    if (entry === undefined) return `block ${i + 1} (${language}) has no entry`;
    if (isPart(entry)) {
      const whole = entries[entry.partOf - 1];
      return whole !== undefined &&
        !isPart(whole) &&
        whole.uses?.includes(i + 1)
        ? ""
        : `block ${i + 1} is not used by block ${entry.partOf}`;
    }
    return entry.language === language
      ? ""
      : `block ${i + 1} is ${language}, and its entry ${entry.language}`;
  });
  if (entries.length > blocks.length)
    faults.push(`${entries.length} entries for ${blocks.length} blocks`);
  return faults.filter((fault) => fault !== "");
}

/** The tests that show the same, as `test/file.test.ts: title`, are there. */
export function expectTests(names: readonly string[]): void {
  for (const name of names) {
    const [, file, title] = /^(\S+): (.*)$/.exec(name)!;
    const path = join(ROOT, file!);
    expect(existsSync(path), `${file} is there`).to.equal(true);
    expect(readFileSync(path, "utf8")).to.include(title);
  }
}
