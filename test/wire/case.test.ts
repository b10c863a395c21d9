import { expect } from "chai";
import { parseCase, unescape } from "./case.ts";

describe("The reader of wire cases", () => {
  const escapes: [written: string, bytes: string][] = [
    ["a\nb\n", "a\r\nb\r\n"],
    ["a\\\nb\\\n", "ab"],
    ["\\r\\n\\t\\\\\\x00\\xff", "\r\n\t\\\x00\xff"],
    ["\\(3*a\\r\\n)b", "a\r\na\r\na\r\nb"],
    ["\\(2*a\\\\)", "a\\a\\"],
  ];
  for (const [written, bytes] of escapes)
    it(`reads ${JSON.stringify(written)}`, () =>
      expect(unescape(written)).to.equal(bytes));

  for (const written of ["\\", "\\q", "\\x0", "\\(a*b)"])
    it(`does not read ${JSON.stringify(written)}`, () =>
      expect(() => unescape(written)).to.throw("no escape"));

  it("reads steps with what must come back", () => {
    const text =
      "why\n>>>\nab\\\n<<<\n>>>\nc\n<<<\n100\n200 head\nx: y\ncalled GET /\nopen\n";
    const body = undefined;
    expect(parseCase("name", text)).to.deep.equal({
      name: "name",
      why: "why",
      steps: [
        { send: "ab", replies: [], called: [] },
        {
          send: "c\r\n",
          replies: [
            { status: 100, head: false, own: false, fields: [], body },
            { status: 200, head: true, own: false, fields: [["x", "y"]], body },
          ],
          called: ["GET /"],
          end: "open",
        },
      ],
      end: "open",
    });
  });

  it("reads a body line by line", () => {
    const { steps } = parseCase(
      "",
      "why\n>>>\n<<<\n200\n| a\n|\n| \\x20b\nopen\n",
    );
    expect(steps[0]!.replies[0]!.body).to.equal("a\n\n b");
  });

  const mistakes: Record<string, string> = {
    "no reason": "\n>>>\na\n<<<\nopen\n",
    "no end": "why\n>>>\na\n<<<\n200\n",
    "an end too early": "why\n>>>\na\n<<<\nopen\n>>>\nb\n<<<\nopen\n",
    "nothing sent": "why\n",
    "no outcome": "why\n>>>\na\n",
    "two outcomes": "why\n>>>\na\n<<<\n200\n<<<\nopen\n",
    "an unknown line": "why\n>>>\na\n<<<\nopened\n",
    "a body of no reply": "why\n>>>\na\n<<<\n| a\nopen\n",
  };
  for (const [what, text] of Object.entries(mistakes))
    it(`takes no case with ${what}`, () =>
      expect(() => parseCase("name", text)).to.throw(/^name: /));
});
