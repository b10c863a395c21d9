import { expect } from "chai";
import { withoutEchoes } from "../../../lib/common/signal-echo.ts";

describe("withoutEchoes()", () => {
  const cases: [what: string, given: [string, number][], received: string[]][] =
    [
      ["gives what comes once", [["TERM", 0]], ["TERM"]],
      [
        "takes what comes again at once, as from `timeout`, for the same",
        [
          ["TERM", 0],
          ["TERM", 2],
        ],
        ["TERM"],
      ],
      [
        "gives what comes again later",
        [
          ["TERM", 0],
          ["TERM", 100],
        ],
        ["TERM", "TERM"],
      ],
      [
        "gives another one at once",
        [
          ["TERM", 0],
          ["INT", 1],
        ],
        ["TERM", "INT"],
      ],
    ];
  for (const [what, given, expected] of cases)
    it(what, () => {
      const received: string[] = [];
      let time = 0;
      const receive = withoutEchoes(
        (signal: string) => received.push(signal),
        () => time,
      );
      for (const [signal, at] of given) {
        time = at;
        receive(signal);
      }
      expect(received).to.deep.equal(expected);
    });
});
