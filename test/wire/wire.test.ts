/** Every case of the corpus, on every kind of listener. */
import { expect } from "chai";
import { readCorpus } from "./case.ts";
import { Connection } from "./connection.ts";
import { differing, final } from "./differences/difference.ts";
import { differencesOf } from "./differences/engines.ts";
import { GAPS } from "./gaps.ts";
import { promised, seen } from "./outcome.ts";
import { play } from "./play.ts";
import { LISTENERS, type Server } from "./servers.ts";

const CORPUS = [...readCorpus("valid"), ...readCorpus("invalid")];

for (const [engine, kind, start] of LISTENERS)
  describe(`On ${kind} (${engine}), the wire case`, () => {
    const differences = differencesOf(engine);
    let server: Server;

    before(async () => {
      server = await start();
    });
    after(async () => expect(await server?.close()).to.deep.equal([]));

    for (const one of CORPUS) {
      const difference = differences.get(one.name);
      const gap = difference === undefined ? GAPS[one.name] : undefined;
      const title = gap === undefined ? "" : ` is not as it should be: ${gap}`;
      it(one.name + title, async () => {
        server.calls.length = 0;
        const wanted = difference ? differing(one, difference) : one;
        const connection = await Connection.open(server.target);
        const observed = await play(wanted, connection, server.calls);
        connection.end();
        const outcome = seen(wanted, observed);
        if (difference !== undefined)
          expect(final(outcome)).to.deep.equal(final(promised(wanted)));
        else if (gap === undefined)
          expect(outcome).to.deep.equal(promised(one));
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
