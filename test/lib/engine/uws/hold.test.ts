import { setImmediate } from "node:timers/promises";
import { mock } from "node:test";
import { expect } from "chai";
import { afterEach, beforeEach } from "mocha";
import type { HttpResponse } from "../../../../lib/engine/uws/load.ts";
import { UwsOutlet } from "../../../../lib/engine/uws/outlet.ts";
import { Keeping } from "../../../../lib/engine/uws/reply-head.ts";
import { Packet } from "../../../../lib/engine/uws/packet.ts";

describe("A request body that is held back", () => {
  /** What of the engine's response is needed, and what was called of it. */
  function engine() {
    const calls: string[] = [];
    const note = (name: string) => (): void => void calls.push(name);
    const res = {
      pause: note("pause"),
      resume: note("resume"),
      close: note("close"),
      onAborted: () => {},
    };
    return {
      calls,
      out: new UwsOutlet(
        res as unknown as HttpResponse,
        new Packet(new Keeping(30)),
        [],
      ),
    };
  }

  beforeEach(() => mock.timers.enable({ apis: ["setInterval"] }));
  afterEach(() => mock.timers.reset());

  it("is let go for a turn of the loop now and then: nobody would see that the client has left", async () => {
    const { calls, out } = engine();
    out.pause();
    mock.timers.tick(4999);
    expect(calls).to.deep.equal(["pause"]);
    for (const _ of [1, 2]) {
      calls.length = 0;
      mock.timers.tick(5000);
      expect(calls).to.deep.equal(["resume"]);
      await setImmediate();
      expect(calls).to.deep.equal(["resume", "pause"]);
    }
    out.close();
  });

  it("is held back again when something has come: the engine has started its clock then", () => {
    const { calls, out } = engine();
    out.pause();
    out.pause();
    expect(calls).to.deep.equal(["pause", "pause"]);
    out.close();
  });

  it("is not looked after any more once it was let go, or the connection was closed", async () => {
    const { calls, out } = engine();
    out.pause();
    out.resume();
    mock.timers.tick(5000);
    out.pause();
    mock.timers.tick(5000);
    out.resume();
    await setImmediate();
    out.pause();
    out.close();
    mock.timers.tick(5000);
    expect(calls.join(" ")).to.equal(
      "pause resume pause resume resume pause close",
    );
  });
});
