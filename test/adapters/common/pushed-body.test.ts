import { expect } from "chai";
import { beforeEach } from "mocha";
import { PushedBody } from "../../../adapters/common/pushed-body.ts";

describe("A pushed body", () => {
  let taken: [chunks: number, length: number][];
  let cancelled: number;
  let body: PushedBody<string | Uint8Array>;

  beforeEach(() => {
    taken = [];
    cancelled = 0;
    body = new PushedBody({
      taken: (...what) => void taken.push(what),
      cancel: () => void cancelled++,
    });
  });

  it("waits for what is pushed", async () => {
    const next = body.next();
    body.push("a");
    expect(await next).to.deep.equal({ done: false, value: "a" });
  });

  it("tells that a chunk was taken when it is asked for the next", async () => {
    body.push("abc");
    body.push("d");
    await body.next();
    expect(taken).to.deep.equal([]);
    expect(body.waiting).to.equal(4);
    await body.next();
    expect(taken).to.deep.equal([[1, 3]]);
    expect(body.waiting).to.equal(1);
  });

  it("gives small chunks of bytes in one, and counts them", async () => {
    for (const byte of [1, 2, 3]) body.push(Uint8Array.of(byte));
    body.end();
    const { value } = await body.next();
    expect([...(value as Uint8Array)]).to.deep.equal([1, 2, 3]);
    expect(await body.next()).to.deep.equal({ done: true, value: undefined });
    expect(taken).to.deep.equal([[3, 3]]);
  });

  it("does not mix bytes and strings, nor change their order", async () => {
    const chunks = ["a", "b", Uint8Array.of(1), Uint8Array.of(2), "c"];
    for (const chunk of chunks) body.push(chunk);
    body.end();
    const found: unknown[] = [];
    for await (const chunk of body)
      found.push(typeof chunk === "string" ? chunk : [...chunk]);
    expect(found).to.deep.equal(["a", "b", [1, 2], "c"]);
  });

  it("does not copy large chunks", async () => {
    const chunk = new Uint8Array(100_000);
    body.push(chunk);
    body.push(chunk);
    expect((await body.next()).value).to.equal(chunk);
  });

  it("fails behind all that came", async () => {
    body.push("a");
    body.end(new Error("on purpose"));
    body.end();
    expect((await body.next()).value).to.equal("a");
    expect(await body.next().catch(String)).to.equal("Error: on purpose");
  });

  it("fails for whoever waits", async () => {
    const next = body.next().catch(String);
    body.end(new Error("on purpose"));
    expect(await next).to.equal("Error: on purpose");
  });

  it("tells when nobody wants the rest", async () => {
    expect(await body.return()).to.deep.equal({ done: true, value: undefined });
    expect(cancelled).to.equal(1);
  });
});
