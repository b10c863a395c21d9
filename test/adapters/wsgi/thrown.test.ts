/** What an application in a thread may throw, and log. */
import { expect } from "chai";
import { shareServer } from "../../support/shared-server.ts";
import { serveWith, type TestServer } from "../../support/server.ts";
import { threaded } from "../../support/threads.ts";
import { THROWN } from "./apps/throwing.ts";

describe("An application in a thread", function () {
  this.timeout(30_000); // threads have to start, on a machine that may be busy

  const server = shareServer((loop) => loop.mount(threaded("throwing", "app")));
  const ask = (path: string, what: string): Promise<Response> =>
    fetch(`${server().url}${path}?${encodeURIComponent(what)}`);
  const thread = async (): Promise<string> => await (await ask("/", "")).text();

  for (const what of Object.keys(THROWN)) {
    it(`may throw ${what}: 500, a line in the log, and its thread goes on`, async () => {
      server().expectLog(/./);
      const before = await thread();
      const response = await ask("/at-once", what);
      expect(response.status).to.equal(500);
      expect(await response.text()).to.equal("something went wrong here\n");
      const { err, requestId } = await server().logged(
        ({ level }) => level >= 50,
      );
      expect(err!.message).to.be.a("string").and.not.equal("");
      expect(requestId).to.be.a("string");
      expect(await thread()).to.equal(before);
    });

    for (const path of ["/late", "/closing"])
      it(`may throw ${what} ${path.slice(1)}: a line in the log, and its thread goes on`, async () => {
        server().expectLog(/./);
        const before = await thread();
        await ask(path, what)
          .then((response) => response.text())
          .catch(() => "cut");
        await server().logged(({ level }) => level >= 40);
        expect(await thread()).to.equal(before);
      });

    it(`may log ${what}`, async () => {
      server().expectLog(/./);
      const before = await thread();
      expect(await (await ask("/logged", what)).text()).to.equal(before);
      const lines = server().log.filter(({ level }) => level === 50);
      expect(lines.map(({ msg }) => msg)).to.deep.include.members([
        "a field",
        "by itself",
        "text",
      ]);
      expect(lines[0]!["requestId"]).to.be.a("string");
    });
  }

  const UNCAUGHT = [
    "frozen",
    "with a message that throws",
    "that is its own cause",
    "a Proxy whose traps all throw",
    "null",
    "undefined",
  ];
  for (const what of UNCAUGHT)
    it(`may throw ${what} where no request is: the thread is replaced, and the log says so`, async () => {
      const own: TestServer = await serveWith((loop) =>
        loop.mount(threaded("throwing", "app")),
      );
      own.expectLog(/a thread has ended/);
      await fetch(`${own.url}/timer?${encodeURIComponent(what)}`);
      await own.logged(({ msg = "" }) => msg.includes("a thread has ended"));
      expect((await fetch(`${own.url}/`)).status).to.equal(200);
    });
});
