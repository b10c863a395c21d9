import { expect } from "chai";
import { action, sleep, spawn, suspend } from "effection";
import * as restated from "../../../lib/operations.ts";
import { isOperation } from "../../../lib/operations/is-operation.ts";

function* generator(): Generator<never, string> {
  return "x";
}

describe("isOperation()", () => {
  const operations: Record<string, object> = {
    "what a generator function gives": generator(),
    "effection's sleep()": sleep(1),
    "effection's suspend()": suspend(),
    "effection's action()": action(() => () => {}),
    "effection's spawn()": spawn(generator),
    "eddy's sleep()": restated.sleep(1),
    "eddy's spawn()": restated.spawn(generator),
    "eddy's all()": restated.all([]),
    "eddy's race()": restated.race([]),
    "eddy's resource()": restated.resource(function* (provide) {
      yield* provide(1);
    }),
    "an object written by hand": { [Symbol.iterator]: generator },
    "such an object without a prototype": Object.assign(Object.create(null), {
      [Symbol.iterator]: generator,
    }),
  };
  for (const [what, value] of Object.entries(operations))
    it(`is true for ${what}`, () => expect(isOperation(value)).to.equal(true));

  const values: Record<string, object> = {
    "an array": [1],
    "a typed array": Uint8Array.of(1),
    "a Map": new Map(),
    "a Set": new Set(),
    "the iterator of an array": [1].values(),
    "what an async generator function gives": (async function* () {})(),
    FormData: new FormData(),
    Headers: new Headers(),
    URLSearchParams: new URLSearchParams(),
    "a String": new String("x"),
    "a Date": new Date(),
    "a plain object": { a: 1 },
    "a plain object whose Symbol.iterator is no function": {
      [Symbol.iterator]: 1,
    },
  };
  for (const [what, value] of Object.entries(values))
    it(`is false for ${what}`, () =>
      expect(isOperation(value)).to.equal(false));
});
