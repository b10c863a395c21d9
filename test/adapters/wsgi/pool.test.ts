/** When a stand-in is started; threads.test.ts has real threads. */
import { expect } from "chai";
import { afterEach, beforeEach } from "mocha";
import type { Logger } from "../../../lib/adapter.ts";
import type { ThreadCall } from "../../../adapters/wsgi/threads/call.ts";
import { threadSettings } from "../../../adapters/wsgi/threads/options.ts";
import { ThreadPool } from "../../../adapters/wsgi/threads/pool.ts";
import type { SharedQueue } from "../../../adapters/wsgi/threads/shared-queue.ts";
import type { Thread } from "../../../adapters/wsgi/threads/thread.ts";
import { Clock } from "../../support/clock.ts";

describe("A pool whose thread sleeps in a request", () => {
  const clock = new Clock();
  let pool: ThreadPool;
  let standIns: number;

  /** A call, once it is in the queue. */
  const callOf = (asleep = false): ThreadCall => {
    const call = {
      id: 0,
      asleep,
      enter(queue: SharedQueue) {
        call.id = queue.put("") ?? 0;
        return call.id > 0;
      },
    };
    return call as unknown as ThreadCall;
  };

  beforeEach(() => {
    clock.install();
    const settings = threadSettings({ module: "app.js", threads: 1 });
    pool = new ThreadPool(settings, {} as Logger);
    standIns = 0;
    const sleeper = callOf(true);
    const thread = { call: sleeper, wake() {} } as unknown as Thread;
    pool.add(thread);
    pool.ready(thread);
    pool.submit(sleeper);
    pool.open(() => standIns++);
  });
  afterEach(() => clock.uninstall());

  /** Moves the clock by `ms`. */
  const pass = (ms: number): void => {
    const until = clock.now + ms;
    while (clock.advance(until));
    clock.now = until;
  };

  it("starts a stand-in when a request has waited for 100 ms", () => {
    pool.submit(callOf());
    pass(99);
    expect(standIns).to.equal(0);
    pass(1);
    expect(standIns).to.equal(1);
  });

  it("starts none while nobody waits", () => {
    pass(1000);
    expect(standIns).to.equal(0);
  });
});
