/** Each block of README and docs is tested: what it says, and what the text around says of it, is what comes. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { isPart, faultsOf, type Here, type Page } from "../snippets/entry.ts";
import { OPERATING } from "../snippets/operating.ts";
import { USING } from "../snippets/using.ts";
import { describeIf } from "../support/programs.ts";
import {
  blocksOf,
  compile,
  examples,
  fencesOf,
  PAGES,
  snippetFolder,
} from "../support/snippets.ts";

/** Of each page, one entry a block. */
const ENTRIES: Readonly<Record<string, Page>> = { ...USING, ...OPERATING };

const entriesOf = (page: string): Page => ENTRIES[page] ?? [];

describe("Snippets", function () {
  this.timeout(60_000);
  const here = process.cwd();
  let folder = "";
  let secret: string | undefined;
  let complaints = "";

  before(() => {
    secret = process.env["EDDY_SECRET_KEY"];
    process.env["EDDY_SECRET_KEY"] = "for the cookies of these snippets alone";
    folder = snippetFolder();
    complaints = compile(folder, sources());
  });
  afterEach(() => process.chdir(here));
  after(() => {
    rmSync(folder, { recursive: true });
    if (secret === undefined) delete process.env["EDDY_SECRET_KEY"];
    else process.env["EDDY_SECRET_KEY"] = secret;
  });

  /** A block at its place. */
  function placed(page: string, number: number): Here {
    const { text } = blocksOf(page)[number - 1]!;
    const name = `${page.replaceAll(/\W/g, "-")}-${number}`;
    const other = (another: number): Here => placed(page, another);
    return { page, text, folder: join(folder, name), other };
  }

  function sources(): Record<string, string> {
    const found: Record<string, string> = {};
    for (const page of PAGES)
      for (const [i, entry] of entriesOf(page).entries()) {
        if (isPart(entry) || !entry.sources) continue;
        const at = placed(page, i + 1);
        for (const [name, text] of Object.entries(entry.sources(at)))
          found[join(at.folder.slice(folder.length), name)] = text;
      }
    for (const [name, text] of examples())
      found[`${name.replaceAll(/\W/g, "-")}.ts`] = `${text}\nexport {};\n`;
    return found;
  }

  it("compile: those of README, of the docs and of docstrings", () => {
    expect(complaints).to.equal("");
  });

  it("import nothing that their reader has not installed by `npm install eddy`", () => {
    const all = [
      ...PAGES.flatMap((page) => blocksOf(page).map(({ text }) => text)),
      ...examples().map(([, source]) => source),
    ];
    expect(all).to.have.length.above(100);
    expect(all.filter((one) => /from "effection"/.test(one))).to.deep.equal([]);
  });

  for (const page of PAGES) {
    const blocks = blocksOf(page);

    it(`${page} has an entry for each of its blocks in test/snippets/, and no other`, () => {
      expect(faultsOf(blocks, entriesOf(page))).to.deep.equal([]);
      expect(fencesOf(page), "lines that begin or end a block").to.equal(
        2 * blocks.length,
      );
    });

    for (const [i, entry] of entriesOf(page).entries()) {
      if (isPart(entry)) continue;
      describeIf(entry.missing?.(), `${page}, ${i + 1}:`, () => {
        it("what it says is what comes", async () => {
          const at = placed(page, i + 1);
          mkdirSync(at.folder, { recursive: true });
          process.chdir(at.folder);
          await entry.test(at);
        });
      });
    }
  }

  it("has entries of pages that there are", () => {
    expect(PAGES).to.include.members(Object.keys(ENTRIES));
  });
});
