import { expect } from "chai";
import { rangesOf } from "../../../adapters/files/ranges.ts";

describe("rangesOf()", () => {
  const SIZE = 100;

  for (const [field, expected] of [
    ["bytes=0-0", [[0, 1]]],
    ["bytes=0-99", [[0, 100]]],
    ["bytes=50-", [[50, 100]]],
    ["bytes=-10", [[90, 100]]],
    ["bytes=-1000", [[0, 100]]],
    ["bytes=90-1000", [[90, 100]]],
    ["Bytes=0-1", [[0, 2]]],
    [
      "bytes=0-1,\t5-6 , ,-1",
      [
        [0, 2],
        [5, 7],
        [99, 100],
      ],
    ],
    ["bytes=100-,3-4", [[3, 5]]],
  ] as const)
    it(`reads ${JSON.stringify(field)}`, () => {
      expect(rangesOf(field, SIZE)).to.deep.equal(expected);
    });

  for (const field of ["bytes=100-", "bytes=-0", "bytes=100-200,300-"])
    it(`finds nothing there for ${field}`, () => {
      expect(rangesOf(field, SIZE)).to.deep.equal([]);
    });

  for (const field of [
    "",
    "bytes",
    "bytes=",
    "bytes=-",
    "bytes=,",
    "bytes=a-b",
    "bytes=5-4",
    "bytes=1-2-3",
    "bytes=--5",
    "bytes=0x1-2",
    "bytes=1e1-2",
    "bytes=+1-2",
    "bytes=1 -2",
    "bytes=9999999999999999-",
    "bytes=0-1,5-4",
    "bytes=0-5,5-6",
    "bytes=-1,99-",
    "bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16",
    "lines=0-5",
  ])
    it(`does not heed ${JSON.stringify(field)}`, () => {
      expect(rangesOf(field, SIZE)).to.equal(undefined);
    });

  it("gives ranges that are in the file and apart, whatever is asked for", () => {
    for (let size = 0; size < 12; size++)
      for (let first = 0; first < 14; first++)
        for (let last = 0; last < 14; last++)
          for (const spec of [
            `${first}-${last}`,
            `${first}-,-${last}`,
            `-${first},${last}-${last}`,
          ]) {
            const ranges = rangesOf(`bytes=${spec}`, size) ?? [];
            const bytes = ranges.flatMap(([from, to]) =>
              Array.from({ length: to - from }, (_, i) => from + i),
            );
            expect(new Set(bytes).size, `${spec} of ${size}`).to.equal(
              bytes.length,
            );
            expect(
              bytes.every((at) => at >= 0 && at < size),
              `${spec} of ${size}`,
            ).to.equal(true);
            expect(ranges.every(([from, to]) => from < to)).to.equal(true);
          }
  });
});
