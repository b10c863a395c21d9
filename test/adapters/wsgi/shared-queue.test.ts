/** The loop's side and a thread's of a queue, on the same memory; threads.test.ts has real threads. */
import { expect } from "chai";
import { beforeEach } from "mocha";
import { SharedFlags } from "../../../adapters/wsgi/threads/shared-flags.ts";
import { SharedQueue } from "../../../adapters/wsgi/threads/shared-queue.ts";

describe("A queue in shared memory", () => {
  let loop: SharedQueue;
  let thread: SharedQueue;
  let flags: SharedFlags;

  beforeEach(() => {
    loop = new SharedQueue();
    thread = new SharedQueue(loop.memory);
    flags = new SharedFlags();
  });

  const take = (): ReturnType<SharedQueue["take"]> => {
    const request = thread.take(flags);
    if (request !== undefined) flags.end(request.id);
    return request;
  };

  const takeAll = (): unknown[] => {
    const heads: unknown[] = [];
    for (let one = take(); one !== undefined; one = take())
      heads.push(one.head);
    return heads;
  };

  it("gives what was put first, first", () => {
    for (const head of ["a", "b", "c"]) loop.put(head);
    expect(take()?.head).to.equal("a");
    loop.put("d"); // where "a" was
    expect(takeAll()).to.deep.equal(["b", "c", "d"]);
    expect(thread.isEmpty).to.equal(true);
  });

  it("refuses what it has no room for", () => {
    let count = 0;
    while (loop.put(String(count)) !== undefined) count++;
    expect(count).to.be.within(16, 1024);
    expect(take()?.head).to.equal("0");
    expect(loop.put("next")).to.be.a("number");
    expect(loop.put("one more")).to.equal(undefined);
  });

  it("gives each request once: to the thread, or back to the loop", () => {
    const [first, second] = [loop.put("a")!, loop.put("b")!];
    expect(loop.withdraw(first)).to.equal(true);
    expect(loop.withdraw(first)).to.equal(false);
    expect(take()?.id).to.equal(second);
    expect(loop.withdraw(second)).to.equal(false);
  });

  it("says in the flags what a thread has begun", () => {
    const id = loop.put("a")!;
    thread.take(flags);
    expect(flags.current).to.equal(id);
    flags.end(id);
    expect(flags.current).to.equal(0);
  });

  it("gives nothing to a thread that is closed, which does not lose what is there", () => {
    const id = loop.put("a")!;
    expect(flags.close()).to.equal(0);
    expect(take()).to.equal(undefined);
    expect(loop.withdraw(id)).to.equal(true);
  });

  it("keeps a thread closed that was in a request", () => {
    const id = loop.put("a")!;
    loop.put("b");
    thread.take(flags);
    expect(flags.close()).to.equal(id);
    flags.end(id);
    expect(take()).to.equal(undefined);
  });

  it("has heads of any characters, and bodies of any bytes", () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    loop.put("é\u{1f600}", bytes);
    const { head, body } = take()!;
    expect(head).to.equal("é\u{1f600}");
    expect(body).to.deep.equal(bytes);
  });

  it("tells no body, an empty one and one that is not here apart", () => {
    for (const body of [undefined, new Uint8Array(0), null]) {
      loop.put("", body);
      expect(take()?.body).to.deep.equal(body);
    }
  });

  for (const length of [8188, 8189, 8191, 8192, 100_000])
    it(`has a head of ${length} characters, or says that it has not`, () => {
      const head = "x".repeat(length);
      loop.put(head);
      expect(take()?.head).to.be.oneOf(length > 8188 ? [null] : [head]);
    });

  it("never has half a character", () => {
    for (let room = 0; room < 4; room++) {
      loop.put(`${"x".repeat(8188 + room)}\u{1f600}`);
      expect(take()?.head).to.equal(null);
    }
  });

  it("has a body beside a head that is too long, and none that does not fit", () => {
    const body = new Uint8Array(5000).fill(7);
    loop.put("x".repeat(9000), body);
    expect(take()?.body).to.deep.equal(body);
    loop.put("x".repeat(4000), body);
    expect(take()).to.include({ head: "x".repeat(4000), body: null });
  });

  it("keeps the order when numbers begin anew", () => {
    const queue = loop as unknown as { put(head: string): number };
    const last = 2 ** 31 - 1;
    const ids = new Int32Array(loop.memory);
    for (const head of ["a", "b", "c"]) queue.put(head);
    ids[0] = last - 1;
    ids[1] = last;
    ids[2] = 1;
    expect(takeAll()).to.deep.equal(["a", "b", "c"]);
  });
});
