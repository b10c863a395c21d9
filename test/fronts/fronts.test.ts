/** Fronts that ask a server whether it is well, and hand requests on to it. */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect } from "chai";
import { onEachEngine, type TestedEngine } from "../support/engines.ts";
import { folderWith } from "../support/folder.ts";
import { freePort } from "../support/free-port.ts";
import { describeIf, missing } from "../support/programs.ts";
import { startServer } from "../support/server-process.ts";
import type { TestServer } from "../support/server.ts";
import { FRONTS, type Front, type Place } from "./fronts.ts";

const LARGE = Buffer.alloc(8_000_000, "eddy");

const hash = (bytes: Uint8Array): string =>
  createHash("sha256").update(bytes).digest("hex");

for (const front of FRONTS)
  describeIf(missing(front.program, front.version), front.title, () =>
    onEachEngine((engine) => {
      /** uWebSockets.js answers 505: the table of docs/engines.md. */
      const refused =
        engine.name === "uws" && front.health?.protocol === "HTTP/1.0";

      if (front.health)
        it(`takes the server ${refused ? "out" : "for well"}, by checks that speak ${front.health.protocol}`, async () => {
          const { server, checks, place } = await start(front, engine);
          while (refused ? unserved(server) < 3 : checks() < 3)
            await setTimeout(10);
          while ((await front.health!.isUp(place)) === refused)
            await setTimeout(10);
          if (!refused) expect(unserved(server)).to.equal(0);
        });

      if (!refused)
        it("hands requests on: GET, a large body, a large reply", async () => {
          const { place } = await start(front, engine);
          while ((await front.health?.isUp(place)) === false)
            await setTimeout(10); // before its first check
          const url = `http://127.0.0.1:${place.front}`;
          for (let i = 0; i < 20; i++) {
            const response = await fetch(url);
            expect([response.status, await response.text()]) //
              .to.deep.equal([200, "hello"]);
          }
          const sent = await fetch(url, { method: "POST", body: LARGE });
          expect(await sent.text()).to.equal(hash(LARGE));
          const got = await (await fetch(`${url}/large`)).arrayBuffer();
          expect(hash(Buffer.from(got))).to.equal(hash(LARGE));
        });
    }),
  );

const unserved = ({ loop }: TestServer): number => loop.connections.unserved;

interface Started {
  readonly server: TestServer;
  readonly place: Place;
  /** How many of its checks have been answered. */
  readonly checks: () => number;
}

async function start(front: Front, engine: TestedEngine): Promise<Started> {
  let checks = 0;
  const server = await engine.serveWith((loop) =>
    loop
      .get("/", () => "hello")
      .get("/large", () => LARGE)
      .post("/", async (request) => hash(await request.bytes()), {
        maxBodyBytes: LARGE.length,
      })
      .get("/check", () => {
        checks++;
        return "well";
      }),
  );
  const folder = folderWith({});
  const place = { front: await freePort(), back: server.port, folder };
  const file = join(folder, "configuration");
  writeFileSync(file, front.configuration(place));
  const args = front.args(file, place);
  await startServer(place.front, front.program, args, { signal: "SIGTERM" });
  return { server, place, checks: () => checks };
}
