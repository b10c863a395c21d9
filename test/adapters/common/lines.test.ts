import { expect } from "chai";
import { Lines, MAX_LINE } from "../../../adapters/common/lines.ts";

describe("Lines", () => {
  const linesOf = (...pieces: string[]): string[] => {
    const found: string[] = [];
    const lines = new Lines((line) => found.push(line));
    for (const piece of pieces) lines.push(piece);
    lines.flush();
    lines.flush();
    return found;
  };

  const text = "one\ntwo\r\n\nthree\rfour";
  for (let size = 1; size <= text.length; size++)
    it(`are found in pieces of ${size} characters, whatever ends them`, () => {
      const pieces: string[] = [];
      for (let at = 0; at < text.length; at += size)
        pieces.push(text.slice(at, at + size));
      const found = ["one", "two", "", "three", "four"];
      expect(linesOf(...pieces)).to.deep.equal(found);
    });

  it("are given with their ends: what has none yet waits", () => {
    const found: string[] = [];
    const lines = new Lines((line) => found.push(line));
    lines.push("a\nb");
    expect(found).to.deep.equal(["a"]);
    lines.push("c\n");
    expect(found).to.deep.equal(["a", "bc"]);
  });

  it("of megabytes are cut, and say so", () => {
    const [first, second] = linesOf("x".repeat(5_000_000), "y\nnext");
    const cut = 5_000_001 - MAX_LINE;
    expect(first).to.equal(
      `${"x".repeat(MAX_LINE)} … (${cut} more characters cut)`,
    );
    expect(second).to.equal("next");
  });

  it("that never end take no memory", () => {
    let given = 0;
    const lines = new Lines(() => given++);
    const piece = Buffer.alloc(1_000_000, "x");
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 300; i++) lines.push(piece.toString("latin1"));
    const grown = process.memoryUsage().heapUsed - before;
    expect(given).to.equal(0);
    expect(grown).to.be.below(100_000_000);
  });
});
