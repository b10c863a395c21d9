/** Classes of two copies, as two packages of eddy in a process have them. */
import { expect } from "chai";
import { brand } from "../../../lib/common/brand.ts";

/** One copy. */
function copy() {
  abstract class Base extends Error {
    static {
      brand(this);
    }
  }
  class Missing extends Base {}
  class Wrong extends Base {}
  return { Base, Missing, Wrong };
}

describe("A class with a brand", () => {
  const [ours, theirs] = [copy(), copy()];

  it("knows what another copy has made, by its name and those of what it extends", () => {
    const error = new theirs.Missing();
    expect(error instanceof ours.Base).to.equal(true);
    expect(error instanceof ours.Missing).to.equal(true);
    expect(error instanceof ours.Wrong).to.equal(false);
  });

  it("goes by the class within a copy, as two of a program's own may have one name", () => {
    const named = () => class Mine extends ours.Wrong {};
    const [One, Other] = [named(), named()];
    expect(new One() instanceof One).to.equal(true);
    expect(new One() instanceof ours.Wrong).to.equal(true);
    expect(new One() instanceof Other).to.equal(false);
    expect(
      new (class extends theirs.Wrong {})() instanceof ours.Wrong,
    ).to.equal(true);
  });

  it("takes nothing else for its own, whatever its name", () => {
    class Missing extends Error {}
    for (const other of [
      new Missing(),
      new Error(),
      null,
      undefined,
      1,
      "",
      {},
      Object.create(null),
    ])
      expect((other as unknown) instanceof ours.Missing).to.equal(false);
  });
});
