import { expect } from "chai";
import { Chunks } from "../../../lib/request/chunks.ts";

/** How much memory is behind what is taken out. */
function taken(chunks: Chunks): { text: string; memory: number } {
  const buffers = new Set<ArrayBufferLike>();
  let text = "";
  for (let one = chunks.shift(); one; one = chunks.shift()) {
    text += Buffer.from(one).toString();
    buffers.add(one.buffer);
  }
  const memory = [...buffers].reduce((sum, it) => sum + it.byteLength, 0);
  return { text, memory };
}

describe("Chunks that wait", () => {
  it("come out in order, whatever their lengths", () => {
    const chunks = new Chunks();
    const pieces = [1, 20_000, 3, 16_384, 16_383, 2, 40_000].map((length, i) =>
      String(i).repeat(length),
    );
    for (const piece of pieces) chunks.push(Buffer.from(piece));
    const all = pieces.join("");
    expect(chunks.bytes).to.equal(all.length);
    expect(taken(chunks).text).to.equal(all);
    expect(chunks.bytes).to.equal(0);
    expect(chunks.empty).to.equal(true);
  });

  it("take little more memory than their bytes, however small they are", () => {
    const chunks = new Chunks();
    for (let i = 0; i < 100_000; i++) chunks.push(Buffer.of(0x61));
    const { text, memory } = taken(chunks);
    expect(text).to.equal("a".repeat(100_000));
    expect(memory).to.be.below(130_000);
  });

  it("go into one buffer once their length is known, and are not copied again", () => {
    const chunks = new Chunks();
    chunks.push(Buffer.alloc(20_000, "a"));
    chunks.reserve(60_000);
    chunks.reserve(60_000);
    for (const letter of ["b", "c"]) chunks.push(Buffer.alloc(20_000, letter));
    const all = chunks.concat();
    expect(all).to.equal(chunks.concat()).and.have.length(60_000);
    expect(Buffer.from(all).toString()).to.match(/^a{20000}b{20000}c{20000}$/);
  });

  it("are copied, or taken over", () => {
    const [copied, kept] = [Buffer.from("copied"), new Uint8Array(20_000)];
    const chunks = new Chunks();
    chunks.push(copied);
    chunks.add(kept);
    copied.fill(0);
    expect(Buffer.from(chunks.shift()!).toString()).to.equal("copied");
    expect(chunks.shift()!.buffer).to.equal(kept.buffer);
  });

  it("are one, which is itself where it is alone", () => {
    const [one, chunks] = [Buffer.alloc(10), new Chunks()];
    chunks.add(one);
    expect(chunks.concat()).to.equal(one);
    for (const text of ["a", "b", "c".repeat(20_000)])
      chunks.add(Buffer.from(text));
    expect(chunks.concat()).to.have.length(20_012);
    expect(new Chunks().concat()).to.have.length(0);
  });
});
