import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createClient } from "@redis/client";
import { expect } from "chai";
import { Loop, UsageError } from "../../../lib/index.ts";
import {
  rateLimit,
  type RateLimitOptions,
} from "../../../lib/middleware/index.ts";
import { atTime } from "../../support/at-time.ts";
import { folderWith } from "../../support/folder.ts";
import { afterTest } from "../../support/hooks.ts";
import { describeIf, missing, PROGRAM_ENV } from "../../support/programs.ts";

const limited = (options: RateLimitOptions): Loop =>
  new Loop({ log: false }).use(rateLimit(options)).mount(() => "ok");

/** The status of a request, and how many more there may be. */
async function ask(loop: Loop, address = "10.0.0.1"): Promise<string> {
  const { status, headers } = await loop.inject({ address });
  return `${status} ${headers.get("ratelimit-remaining")}`;
}

describe("rateLimit", () => {
  it("answers 429 from the next request on, and says when to come again", async () => {
    const loop = limited({ requests: 2, seconds: 30 });
    expect(await ask(loop)).to.equal("200 1");
    expect(await ask(loop)).to.equal("200 0");
    const refused = await loop.inject({ address: "10.0.0.1" });
    expect(refused.status).to.equal(429);
    expect(Object.fromEntries(refused.headers)).to.include({
      "retry-after": "30",
      "ratelimit-limit": "2",
      "ratelimit-remaining": "0",
      "ratelimit-reset": "30",
    });
    expect(await ask(loop, "10.0.0.2")).to.equal("200 1");
    await loop.close();
  });

  it("lets a client in again when its time is over", async () => {
    const loop = limited({ requests: 1, seconds: 10 });
    expect(await ask(loop)).to.equal("200 0");
    expect(await ask(loop)).to.equal("429 0");
    await atTime(Date.now() + 10_001, async () =>
      expect(await ask(loop)).to.equal("200 0"),
    );
    await loop.close();
  });

  it("takes the addresses of an IPv6 network, and IPv4 in IPv6, for one client", async () => {
    const loop = limited({ requests: 2 });
    expect(await ask(loop, "2001:db8::1")).to.equal("200 1");
    expect(await ask(loop, "2001:db8::ffff:2")).to.equal("200 0");
    expect(await ask(loop, "2001:db8:0:1::1")).to.equal("200 1");
    expect(await ask(loop, "10.0.0.1")).to.equal("200 1");
    expect(await ask(loop, "::ffff:10.0.0.1")).to.equal("200 0");
    await loop.close();
  });

  it("counts by a key of one's own, and not without one", async () => {
    const key: RateLimitOptions["key"] = ({ headers }) => headers.get("x-key");
    const loop = limited({ requests: 1, key });
    const statuses = [];
    for (const name of ["a", "a", "b", undefined, undefined]) {
      const headers = name === undefined ? {} : { "x-key": name };
      statuses.push((await loop.fetch("/", { headers })).status);
    }
    expect(statuses).to.deep.equal([200, 429, 200, 200, 200]);
    await loop.close();
  });

  it("refuses limits that are none", () => {
    expect(() => rateLimit({} as never)).to.throw(UsageError, "requests");
    expect(() => rateLimit({ requests: 0 })).to.throw(UsageError, "from 1 up");
    expect(() =>
      rateLimit({ requests: 1, redis: "redis://a" as never }),
    ).to.throw(UsageError, "client of Redis");
  });

  describeIf(missing("redis-server"), "with Redis", () => {
    it("counts for all processes together, and goes on alone when Redis has gone", async () => {
      const socket = join(folderWith({}), "redis.sock");
      const server = spawn(
        "redis-server",
        ["--port", "0", "--unixsocket", socket, "--save", ""],
        { env: PROGRAM_ENV },
      );
      afterTest(() => void server.kill());
      await new Promise<void>((resolve) =>
        server.stdout.on("data", (lines: Buffer) => {
          if (/ready to accept/i.test(lines.toString())) resolve();
        }),
      );
      const redis = createClient({
        socket: { path: socket, tls: false, reconnectStrategy: false },
      });
      redis.on("error", () => {}); // it ends
      await redis.connect();
      const loops = [
        limited({ requests: 3, redis }),
        limited({ requests: 3, redis }),
      ];
      expect(await ask(loops[0]!)).to.equal("200 2");
      expect(await ask(loops[1]!)).to.equal("200 1");
      expect(await ask(loops[0]!)).to.equal("200 0");
      expect(await ask(loops[1]!)).to.equal("429 0");
      const gone = once(redis, "error");
      server.kill("SIGKILL");
      await gone;
      expect(await ask(loops[1]!)).to.equal("200 2");
      for (const loop of loops) await loop.close();
    });
  });
});
