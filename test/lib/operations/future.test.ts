import { expect } from "chai";
import { call, run } from "effection";
import { setImmediate } from "node:timers/promises";
import { future } from "../../../lib/operations/future.ts";

const late = async (): Promise<string> => {
  await setImmediate();
  return "value";
};
const failure = new Error("no value");
const failing = async (): Promise<string> => {
  await setImmediate();
  throw failure;
};

describe("A future", () => {
  it("is awaited for its value", async () => {
    expect(await future(late())).to.equal("value");
  });

  it("is yielded to for its value, any number of times", async () => {
    const value = future(late());
    const twice = run(function* () {
      return [yield* value, yield* value];
    });
    expect(await twice).to.deep.equal(["value", "value"]);
  });

  it("passes its failure on to whoever awaits it", async () => {
    const error: unknown = await future(failing()).catch((e: unknown) => e);
    expect(error).to.equal(failure);
  });

  it("passes its failure on to whoever yields to it", async () => {
    const caught = run(function* () {
      try {
        return yield* future(failing());
      } catch (error) {
        return error;
      }
    });
    expect(await caught).to.equal(failure);
  });

  it("is the promise that it was made of", () => {
    const promise = late();
    expect(future(promise)).to.equal(promise);
    expect(Object.prototype.toString.call(promise)).to.equal("[object Future]");
  });

  it("may be made of the same promise again", async () => {
    const promise = late();
    expect(await future(future(promise))).to.equal("value");
  });

  it("runs its own operation where it has one, once for each yield", async () => {
    let runs = 0;
    const operation = call(() => `run ${++runs}`);
    const value = future(late(), operation);
    const both = run(function* () {
      return [yield* value, yield* value];
    });
    expect(await both).to.deep.equal(["run 1", "run 2"]);
    expect(await value).to.equal("value");
  });

  it("that fails without anybody waiting is no unhandled rejection", async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): number => unhandled.push(reason);
    process.on("unhandledRejection", note);
    try {
      void future(failing());
      void future(Promise.reject(failure));
      for (let turn = 0; turn < 3; turn++) await setImmediate();
    } finally {
      process.off("unhandledRejection", note);
    }
    expect(unhandled).to.deep.equal([]);
  });
});
