/**
 * Conversations that nobody thought of, on eddy and on node:http, the same ones each time. `npm run fuzz:wire` has many
 * more, and others.
 */
import { explain } from "../../tools/wire-fuzz/explain.ts";
import { search } from "../../tools/wire-fuzz/fuzz.ts";
import { describeOnUws } from "../support/native.ts";

const REQUESTS = 1000;

/** Conversations that have found something, once. */
const FINDERS = [
  1494274012, // a CR behind a body, before a request line
  20031977, // a line without a version, behind a body
];

describeOnUws("Random conversations, beside node:http", function () {
  this.timeout(110_000);

  before(function () {
    if (process.platform === "darwin") this.skip(); // it has one loopback address, and here each client needs its own
  });

  const asTheyMust = async (seed: number, requests: number): Promise<void> => {
    const { finding } = await search(seed, requests);
    if (finding) throw new Error(await explain(finding));
  };

  for (const finder of FINDERS)
    it(`that were wrong once go as they must: ${finder}`, () =>
      asTheyMust(finder, 1));

  it("go as they must, by the thousand", () => asTheyMust(1, REQUESTS));
});
