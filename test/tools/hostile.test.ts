/** Every attack at a small size. `npm run hostile` plays them at full size, and makes the table of docs/http.md. */
import { expect } from "chai";
import { play } from "../../tools/hostile/attack.ts";
import { attacks } from "../../tools/hostile/attacks.ts";
import { problems } from "../../tools/hostile/problems.ts";

describe("Honest clients are served, and nothing is left behind, after", () => {
  for (const make of attacks) {
    const attack = make("small");
    it(`${attack.name}: ${attack.load}`, async function () {
      this.timeout(60_000);
      expect(problems(await play(attack, "small"))).to.deep.equal([]);
    });
  }
});
