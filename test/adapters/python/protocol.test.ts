import { expect } from "chai";
import {
  frame,
  FrameReader,
  pieceOf,
  type WorkerFrame,
} from "../../../adapters/python/protocol.ts";

describe("FrameReader", () => {
  const payloads = ["", "a", "x".repeat(300), "bc"].map((text) =>
    Buffer.from(text),
  );
  const bytes = Buffer.concat(payloads.map((each, i) => frame(i + 1, each)));

  for (const lasts of [true, false])
    for (const size of [1, 3, 4, 5, 7, 100, bytes.length])
      it(`reads what comes in pieces of ${size} bytes, with lasts: ${lasts}`, () => {
        const frames: [type: number, piece: Buffer][] = [];
        const keep = (one: WorkerFrame): void =>
          void frames.push([one.type, pieceOf(one, one.start)]);
        const reader = new FrameReader();
        for (let at = 0; at < bytes.length; at += size) {
          const piece = Buffer.from(bytes.subarray(at, at + size));
          reader.push(piece, lasts, keep);
          if (!lasts) piece.fill("?");
        }
        const expected = payloads.map((payload, i) => [i + 1, payload]);
        expect(frames).to.deep.equal(expected);
      });
});
