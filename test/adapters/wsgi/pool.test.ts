/** When a stand-in is started, by a clock that is moved by hand; threads.test.ts has real threads. */
import { expect } from "chai";
import { afterEach, beforeEach } from "mocha";
import type { Logger } from "../../../lib/adapter.ts";
import type { Call } from "../../../adapters/wsgi/threads/call.ts";
import { threadSettings } from "../../../adapters/wsgi/threads/options.ts";
import { Pool } from "../../../adapters/wsgi/threads/pool.ts";
import type { Thread } from "../../../adapters/wsgi/threads/thread.ts";
import { Clock } from "../../support/clock.ts";

describe("A pool whose thread sleeps in a request", () => {
  const clock = new Clock();
  const call = {} as Call;
  let pool: Pool;
  let hasRoom: boolean;
  let standIns: number;

  beforeEach(() => {
    clock.install();
    pool = new Pool(
      threadSettings({ module: "app.js", threads: 1 }),
      {} as Logger,
    );
    hasRoom = true;
    standIns = 0;
    let load = 1;
    pool.add({
      call: { asleep: true } as Call,
      get hasRoom() {
        return hasRoom;
      },
      get load() {
        return load;
      },
      give: () => void load++,
      look: () => 0,
    } as unknown as Thread);
    pool.open(() => standIns++);
  });
  afterEach(() => clock.uninstall());

  /** Moves the clock by `ms`. */
  const pass = (ms: number): void => {
    const until = clock.now + ms;
    while (clock.advance(until));
    clock.now = until;
  };

  it("starts a stand-in when a request has been in line for 100 ms", () => {
    hasRoom = false;
    pool.submit(call);
    pass(99);
    expect(standIns).to.equal(0);
    pass(1);
    expect(standIns).to.equal(1);
  });

  it("does not count the time that the request was at hand before", () => {
    pool.submit(call);
    pass(90);
    pool.again([call]);
    pass(99);
    expect(standIns).to.equal(0);
    pass(1);
    expect(standIns).to.equal(1);
  });
});
