import { expect } from "chai";
import { pino } from "pino";
import { upstreamSettings } from "../../../lib/upstream/options.ts";
import { Upstreams, type Upstream } from "../../../lib/upstream/upstreams.ts";

const LOG = pino({ level: "silent" });
const REFUSED = new Error("connect ECONNREFUSED");
const NOBODY: ReadonlySet<Upstream> = new Set();

/** Upstreams of these names; a failure leaves one out until the test says that the time is over. */
function upstreams(...names: string[]): Upstreams {
  const addresses = names.map((name) => ({
    name,
    connect: { path: name },
    secure: false,
  }));
  const options = { maxFails: 2, failTimeoutMs: 1000 };
  return new Upstreams(addresses, upstreamSettings(options, names.length));
}

const choose = (from: Upstreams, tried = NOBODY): string =>
  from.choose(tried).address.name;

describe("Upstreams", () => {
  const { now } = performance;
  let time = 0;
  beforeEach(() => (performance.now = () => time));
  afterEach(() => (performance.now = now));

  it("take turns when none has more to do", () => {
    const all = upstreams("a", "b", "c");
    const chosen = Array.from({ length: 6 }, () => choose(all)).join("");
    expect(chosen).to.equal("abcabc");
  });

  it("give the next request to the one with the fewest", () => {
    const all = upstreams("a", "b", "c");
    const [a, b, c] = all.all as [Upstream, Upstream, Upstream];
    for (const one of [a, a, b, c, c, c]) one.acquire();
    expect(choose(all)).to.equal("b");
    for (let i = 0; i < 3; i++) c.release();
    expect(choose(all)).to.equal("c");
  });

  it("leave one out after so many failures in a row, and let one request try it later", () => {
    const all = upstreams("a", "b");
    const [a, b] = all.all as [Upstream, Upstream];
    a.failed(LOG, REFUSED);
    a.answered(LOG);
    a.failed(LOG, REFUSED);
    expect(a.eligible).to.equal(true);
    a.failed(LOG, REFUSED);
    expect(a.eligible).to.equal(false);
    b.acquire();
    expect(choose(all)).to.equal("b");
    time += 1000;
    expect(choose(all)).to.equal("a");
    a.acquire();
    expect(choose(all)).to.equal("b"); // the trial is under way
    a.answered(LOG);
    a.release();
    expect(choose(all)).to.equal("a");
  });

  it("leave it out again when the trial fails, and let the next try when it came to nothing", () => {
    const [a] = upstreams("a").all as [Upstream];
    for (let i = 0; i < 2; i++) a.failed(LOG, REFUSED);
    time += 1000;
    a.acquire();
    a.failed(LOG, REFUSED);
    a.release();
    expect(a.eligible).to.equal(false);
    time += 1000;
    a.acquire();
    expect(a.eligible).to.equal(false);
    a.release(); // its client has left
    expect(a.eligible).to.equal(true);
  });

  it("leave one out after so many bad answers for its health in a row, until there is a good one", () => {
    const [a] = upstreams("a").all as [Upstream];
    for (const problem of ["ill", undefined, "ill"]) a.checked(LOG, problem);
    expect(a.eligible).to.equal(true);
    a.checked(LOG, "ill");
    expect(a.eligible).to.equal(false);
    a.answered(LOG); // a request: it may be about to end
    time += 1000;
    expect(a.eligible).to.equal(false);
    a.checked(LOG, undefined);
    expect(a.eligible).to.equal(true);
  });

  it("go on with those that are left out when there are no others", () => {
    const all = upstreams("a", "b");
    for (const one of all.all)
      for (let i = 0; i < 2; i++) one.failed(LOG, REFUSED);
    expect(choose(all)).to.equal("a");
    expect(choose(all)).to.equal("b");
  });

  it("do not choose one that was tried, while there is another", () => {
    const all = upstreams("a", "b");
    const [a, b] = all.all as [Upstream, Upstream];
    a.acquire();
    expect(choose(all, new Set([b]))).to.equal("a");
    expect(choose(all, new Set([a, b]))).to.equal("b");
  });

  it("tell how they are: who is left out, and why", () => {
    const all = upstreams("a", "b");
    const [a, b] = all.all as [Upstream, Upstream];
    for (let i = 0; i < 2; i++) a.failed(LOG, REFUSED);
    b.acquire();
    const up = { state: "up", inFlight: 1, why: undefined };
    const out = { state: "out", inFlight: 0, why: "connect ECONNREFUSED" };
    expect(all.status("http")).to.deep.equal({
      kind: "http",
      name: "a, b",
      queued: 0,
      restarts: 0,
      parts: [
        { name: "a", ...out },
        { name: "b", ...up },
      ],
    });
    a.answered(LOG);
    expect(a.status()).to.deep.equal({ name: "a", ...up, inFlight: 0 });
  });
});
