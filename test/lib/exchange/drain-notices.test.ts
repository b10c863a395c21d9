import { expect } from "chai";
import { DrainNotices } from "../../../lib/exchange/drain-notices.ts";

describe("DrainNotices", () => {
  const never = new AbortController().signal;

  function waiting(count: number): { notices: DrainNotices; told: number[] } {
    const notices = new DrainNotices();
    const told: number[] = [];
    for (let i = 0; i < count; i++) notices.add(() => told.push(i));
    return { notices, told };
  }

  it("tells a few at once, in order", () => {
    const { notices, told } = waiting(10);
    void notices.begin(1000, never);
    expect(told).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("tells many one lot after the other, within the limit", async () => {
    const { notices, told } = waiting(1000);
    const begun = notices.begin(40, never);
    expect(told).to.have.length(500);
    await begun;
    expect(told).to.have.length(1000);
    const slower = waiting(100);
    void slower.notices.begin(Infinity, never);
    expect(slower.told).to.have.length(20);
  });

  it("tells all at once where there is no time", () => {
    const { notices, told } = waiting(100);
    void notices.begin(0, never);
    expect(told).to.have.length(100);
  });

  it("tells nobody who has called it off, and nobody in a hurry", async () => {
    const notices = new DrainNotices();
    const told: string[] = [];
    const callOff = notices.add(() => told.push("ended"));
    notices.add(() => callLater()); // ends another one
    const callLater = notices.add(() => told.push("ended by another"));
    callOff();
    callOff();
    await notices.begin(1000, never);
    expect(told).to.deep.equal([]);
    const hurried = waiting(10);
    await hurried.notices.begin(1000, AbortSignal.abort());
    expect(hurried.told).to.deep.equal([]);
  });

  it("tells at once who comes later", async () => {
    const { notices, told } = waiting(0);
    await notices.begin(1000, never);
    notices.add(() => told.push(7))();
    expect(told).to.deep.equal([7]);
  });
});
