/** Small configurations, and what `eddy doctor` is to say of each. */
import { join } from "node:path";
import { expect } from "chai";
import { examine } from "../../../../lib/cli/doctor/doctor.ts";
import type { Code } from "../../../../lib/cli/doctor/finding.ts";
import { flagsOf } from "../../../../lib/cli/doctor/setup.ts";
import { folderWith } from "../../../support/folder.ts";

export interface Case {
  readonly files: Readonly<Record<string, string>>;
  /** Which the doctor is given: all, if it does not say. */
  readonly given?: readonly string[];
  readonly flags?: string;
  readonly finds?: readonly Code[];
  readonly misses?: readonly string[];
  /** A word of the notes. */
  readonly notes?: string;
}

async function diagnose({ files, given, flags }: Case) {
  const folder = folderWith(files);
  const paths = (given ?? Object.keys(files)).map((name) => join(folder, name));
  return await examine(await flagsOf(flags?.split(" ") ?? []), paths);
}

/** A test for each, by its title. */
export function tests(cases: Readonly<Record<string, Case>>): void {
  for (const [title, one] of Object.entries(cases))
    it(`${title}: ${one.finds?.join(", ") ?? "nothing"}`, async () => {
      const { findings, missed, notes } = await diagnose(one);
      expect(findings.map(({ code }) => code)).to.have.members(one.finds ?? []);
      expect(missed.map((path) => path.replace(/.*\//, ""))).to.deep.equal(
        one.misses ?? [],
      );
      if (one.notes !== undefined) expect(notes.join()).to.include(one.notes);
    });
}
