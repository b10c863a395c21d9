/** What an application keeps of a request, and uses when that is over, reaches no other one. */
import { expect } from "chai";
import { needsPython, pythonApp } from "../support/python.ts";
import { serveWith, type TestServer } from "../support/server.ts";
import { PATIENCE_MS } from "./python/processes.ts";

describe("A Python application that keeps what belongs to a request", function () {
  this.timeout(PATIENCE_MS);

  before(function () {
    needsPython(this);
  });

  const serve = async (): Promise<TestServer> =>
    (
      await serveWith((loop) => loop.mount(pythonApp("keeping:app")), {
        maxBodyBytes: Infinity,
      })
    ).expectLog(/on purpose/);
  const ask = async (
    { url }: TestServer,
    path: string,
    init?: RequestInit,
  ): Promise<string> => await (await fetch(url + path, init)).text();

  for (const keeps of ["/keeps", "/begins"])
    for (const [uses, reply] of [
      ["/uses", "mine\nmine\n"],
      ["/threaded", "mine"],
    ] as const)
      it(`cannot write into the reply of another: ${keeps}, ${uses}`, async () => {
        const server = await serve();
        await ask(server, keeps).catch(() => "cut");
        for (let i = 0; i < 2; i++)
          expect(await ask(server, uses)).to.equal(reply);
      });

  it("cannot read the body of another", async () => {
    const server = (await serve()).expectLog(/./); // the reader fails, and Python prints why
    for (let i = 0; i < 10; i++)
      for (const letter of ["a", "b"]) {
        const body = letter.repeat(300_000);
        const answer = await ask(server, "/reads", { method: "POST", body });
        expect(answer).to.equal("left");
      }
    expect(await ask(server, "/seen")).to.match(/^a?b?$/);
  });
});
