/** Every case of the corpus, on every kind of listener. */
import { expect } from "chai";
import { readCorpus } from "./case.ts";
import { Connection } from "./connection.ts";
import { GAPS } from "./gaps.ts";
import { promised, seen } from "./outcome.ts";
import { play } from "./play.ts";
import { LISTENERS, type Server } from "./servers.ts";

const CORPUS = [...readCorpus("valid"), ...readCorpus("invalid")];

for (const [listener, start] of Object.entries(LISTENERS))
  describe(`On ${listener}, the wire case`, () => {
    let server: Server;

    before(async () => {
      server = await start();
    });
    after(async () => expect(await server?.close()).to.deep.equal([]));

    for (const one of CORPUS) {
      const gap = GAPS[one.name];
      const title = gap === undefined ? "" : ` is not as it should be: ${gap}`;
      it(one.name + title, async () => {
        server.calls.length = 0;
        const connection = await Connection.open(server.target);
        const outcome = seen(one, await play(one, connection, server.calls));
        connection.end();
        if (gap === undefined) expect(outcome).to.deep.equal(promised(one));
        else expect(outcome).not.to.deep.equal(promised(one));
      });
    }
  });

describe("The list of gaps", () => {
  it("names cases only", () => {
    const names = CORPUS.map(({ name }) => name);
    expect(names).to.include.members(Object.keys(GAPS));
  });
});
