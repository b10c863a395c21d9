import { expect } from "chai";
import { afterEach } from "mocha";
import { lifetime } from "../../../lib/cli/renewal.ts";

describe("A worker's requests", () => {
  const { random } = Math;
  afterEach(() => (Math.random = random));

  const drawn = (chance: number, maxRequests: number): number => {
    Math.random = () => chance;
    return lifetime({ maxRequests });
  };

  it("are as many as the setting says, less up to a tenth", () => {
    expect(drawn(0, 1000)).to.equal(1000);
    expect(drawn(1 - Number.EPSILON / 2, 1000)).to.equal(900);
    expect(drawn(0.5, 1)).to.equal(1);
  });

  it("are without a limit at 0", () => {
    expect(drawn(0.5, 0)).to.equal(Infinity);
  });
});
