/** Each line of the tables in docs/http.md and docs/engines.md has cases that show it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { CASES } from "../lib/websocket/cases.ts";
import { readCorpus } from "./case.ts";
import { OF_ENGINES } from "./differences/engines.ts";
import { OF_SOCKETS } from "./differences/sockets.ts";
import { ENGINE, REFUSED, type Shown } from "./documented.ts";
import { GAPS } from "./gaps.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url)); // seen from dist/test/wire
const PAGE = readFileSync(join(ROOT, "docs/http.md"), "utf8");
const CORPUS = [...readCorpus("valid"), ...readCorpus("invalid")];

/** The cells of the lines of the table below a heading. */
function tableBelow(heading: string, page = PAGE): string[][] {
  const section = page.split(`## ${heading}\n`)[1]!.split("\n## ")[0]!;
  const lines = section.split("\n").filter((line) => line.startsWith("|"));
  const cells = (line: string): string[] =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim());
  return lines.slice(2).map(cells);
}

function lineOf(shown: Shown, what: string): readonly string[] {
  return (
    Object.entries(shown).find(([begin]) => what.startsWith(begin))?.[1] ?? []
  );
}

for (const [heading, shown] of Object.entries({
  "What eddy refuses": REFUSED,
  "What only the engine could do better": ENGINE,
}))
  describe(`docs/http.md, "${heading}"`, () => {
    const table = tableBelow(heading);

    for (const [what, status, connection] of table)
      it(`has cases for: ${what}`, () => {
        const names = lineOf(shown, what!);
        expect(names).not.to.deep.equal([]);
        for (const name of names) {
          const one = CORPUS.find((found) => found.name === name);
          expect(one, name).not.to.equal(undefined);
          expect(GAPS, name).not.to.have.property(name);
          if (shown !== REFUSED) continue;
          const replies = one!.steps.flatMap((step) => step.replies);
          const end = connection === "closed" ? "closed" : "open";
          expect(
            replies.map((reply) => String(reply.status)),
            name,
          ).to.include(status);
          expect(one!.end, name).to.equal(end);
        }
      });

    it("has all the lines that cases are named for", () => {
      const gone = Object.keys(shown).filter(
        (begin) => !table.some(([what]) => what!.startsWith(begin)),
      );
      expect(gone).to.deep.equal([]);
    });
  });

describe("docs/engines.md", () => {
  it("has the differences between the engines, each by its rule", () => {
    const page = readFileSync(join(ROOT, "docs/engines.md"), "utf8");
    const rows = OF_ENGINES.map(({ what, uws, inWords, why }) => [
      what,
      uws,
      inWords,
      why,
    ]);
    expect(tableBelow("What differs", page)).to.deep.equal(rows);
  });

  it("has the differences for WebSockets, each with a case", () => {
    const page = readFileSync(join(ROOT, "docs/engines.md"), "utf8");
    const rows = OF_SOCKETS.map(({ what, uws, inWords, why }) => [
      what,
      uws,
      inWords,
      why,
    ]);
    const heading = "What differs for WebSockets";
    expect(tableBelow(heading, page)).to.deep.equal(rows);
    const shown = CASES.map(({ differs }) => differs);
    expect(shown).to.include.members(OF_SOCKETS);
  });

  it("has each case once, and no other", () => {
    const named = OF_ENGINES.flatMap(({ cases }) => cases.match(/\S+/g) ?? []);
    const known = CORPUS.map(({ name }) => name);
    expect(known).to.include.members(named);
    expect([...new Set(named)]).to.deep.equal(named);
  });
});
