import { setTimeout } from "node:timers/promises";
import { expect } from "chai";
import { Loop, UsageError } from "../../../lib/index.ts";
import { intervalMs } from "../../../lib/loop/every.ts";
import { suspend } from "../../../lib/operations.ts";
import { serveWith } from "../../support/server.ts";

describe("loop.every()", () => {
  it("does operations, async functions and plain ones, again and again", async () => {
    const done = { operation: 0, async: 0, plain: 0 };
    const { loop } = await serveWith((loop) => {
      loop.every(1, function* () {
        done.operation++;
      });
      loop.every("1ms", async () => void done.async++);
      loop.every(1, () => void done.plain++);
    });
    while (Math.min(...Object.values(done)) < 3) await setTimeout(1);
    await loop.close();
    const atTheEnd = { ...done };
    await setTimeout(10);
    expect(done).to.deep.equal(atTheEnd);
  });

  it("never does it twice at a time", async () => {
    let running = 0;
    let most = 0;
    let times = 0;
    await serveWith((loop) =>
      loop.every(1, async () => {
        most = Math.max(most, ++running);
        await setTimeout(5);
        running--;
        times++;
      }),
    );
    while (times < 4) await setTimeout(1);
    expect(most).to.equal(1);
  });

  it("goes on when it has failed, and the log says so", async () => {
    let times = 0;
    const server = await serveWith((loop) => {
      loop.every(1, function cleanUp() {
        if (++times < 3) throw new Error("the disk is away");
      });
      loop.every(1, async () => {
        if (times < 3) throw new Error("of a promise");
      });
    });
    server.expectLog(
      /^cleanUp every 1 ms failed.*the disk is away/,
      /^what is done every 1 ms failed.*of a promise/,
    );
    while (times < 5) await setTimeout(1);
    expect(server.loop.ready).to.equal(true);
  });

  it("is seen in tasks() by its name, and ends with the loop, or when it is halted", async () => {
    const cleaned: string[] = [];
    const waits = (name: string) =>
      function* refresh() {
        try {
          yield* suspend();
        } finally {
          cleaned.push(name);
        }
      };
    let halted: { halt(): PromiseLike<void> } | undefined;
    const { loop } = await serveWith((loop) => {
      loop.every("24h", waits("never begun"));
      loop.every(1, waits("by the loop"));
      halted = loop.every(1, waits("by hand"));
    });
    const views = (): [string, string | undefined][] =>
      loop
        .tasks()
        .background.map(({ name, waitsFor }) => [
          name,
          waitsFor?.replace(/\(.*/, ""),
        ]);
    while (views().filter(([, waitsFor]) => waitsFor === "suspend").length < 2)
      await setTimeout(1);
    expect(views()).to.deep.equal([
      ["every 24h: refresh", "sleep"],
      ["every 1 ms: refresh", "suspend"],
      ["every 1 ms: refresh", "suspend"],
    ]);
    await halted!.halt();
    expect(cleaned).to.deep.equal(["by hand"]);
    await loop.close();
    expect(cleaned).to.deep.equal(["by hand", "by the loop"]);
  });

  it("refuses what is no interval, and what is no work", () => {
    const loop = new Loop({ log: false });
    for (const interval of ["5", "soon", "", 0, -1, NaN, Infinity, "30d"])
      expect(() => loop.every(interval, () => {}), String(interval)).to.throw(
        UsageError,
        /such as "30s"/,
      );
    expect(() => loop.every(1, "work" as never)).to.throw(
      UsageError,
      /an operation or a function/,
    );
    expect(intervalMs("5m")).to.equal(300_000);
    expect(intervalMs("1.5s")).to.equal(1500);
  });
});
