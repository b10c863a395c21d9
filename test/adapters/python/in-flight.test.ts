import { expect } from "chai";
import type { PythonCall } from "../../../adapters/python/call.ts";
import { InFlight } from "../../../adapters/python/in-flight.ts";

const call = (name: string, open = true): PythonCall =>
  ({ name, open }) as unknown as PythonCall;

function filled(...calls: PythonCall[]): InFlight {
  const inFlight = new InFlight();
  for (const one of calls) inFlight.add(one);
  return inFlight;
}

describe("The requests that a thread was given", () => {
  const [a, b, c] = [call("a"), call("b"), call("c")];

  it("are numbered from 1 on, whatever of them is finished", () => {
    const inFlight = filled(a, b);
    expect([inFlight.first, inFlight.last, inFlight.count]).to.deep.equal([
      1, 2, 2,
    ]);
    expect(inFlight.finish()).to.equal(a);
    inFlight.add(c);
    expect([inFlight.first, inFlight.last, inFlight.count]).to.deep.equal([
      2, 3, 2,
    ]);
    expect(inFlight.current).to.equal(b);
    expect([0, 1, 2, 3, 4].map((n) => inFlight.at(n))).to.deep.equal([
      undefined,
      undefined,
      b,
      c,
      undefined,
    ]);
  });

  it("keep their numbers when some are withdrawn", () => {
    const inFlight = filled(a, b, c);
    expect(inFlight.withdrawFrom(2)).to.deep.equal([b, c]);
    expect([inFlight.first, inFlight.last, inFlight.count]).to.deep.equal([
      1, 3, 3,
    ]);
    expect(inFlight.withdrawFrom(1)).to.deep.equal([a]);
    expect(inFlight.finish()).to.equal(undefined);
    expect(inFlight.clear()).to.deep.equal([]);
  });

  it("are not withdrawn when nobody waits for them", () => {
    const inFlight = filled(a, call("left", false), c);
    expect(inFlight.withdrawFrom(1)).to.deep.equal([a, c]);
    expect(inFlight.wanted).to.equal(false);
  });

  it("are all told of when the thread is gone", () => {
    const inFlight = filled(a, b, c);
    expect(inFlight.wanted).to.equal(true);
    expect(inFlight.clear()).to.deep.equal([a, b, c]);
    expect(inFlight.count).to.equal(0);
  });
});
