/** Every case of the corpus on node:http: the same comes out, except where differences.ts says why not. */
import { expect } from "chai";
import { readCorpus, type Case } from "./case.ts";
import { Connection } from "./connection.ts";
import { DIFFERENCES } from "./differences.ts";
import { differing, final } from "./differences/difference.ts";
import { promised, seen } from "./outcome.ts";
import { play, type Observed } from "./play.ts";
import { startNode, type Server } from "./servers.ts";

const CORPUS = [...readCorpus("valid"), ...readCorpus("invalid")];

describe("On node:http, the wire case", () => {
  let server: Server;

  before(async () => void (server = await startNode()));
  after(() => server.close());

  const playOnNode = async (one: Case): Promise<Observed> => {
    server.calls.length = 0;
    const connection = await Connection.open(server.target);
    const observed = await play(one, connection, server.calls);
    connection.end();
    return observed;
  };

  const differences = new Map(DIFFERENCES);
  for (const one of CORPUS) {
    const difference = differences.get(one.name);
    if (difference === undefined)
      it(`${one.name} is answered as by eddy`, async () =>
        expect(seen(one, await playOnNode(one))).to.deep.equal(promised(one)));
    else
      it(`${one.name} is answered otherwise: ${difference.why}`, async () => {
        const other = differing(one, difference);
        const observed = await playOnNode(other);
        const asListed = final(seen(other, observed));
        expect(asListed).to.deep.equal(final(promised(other)));
        const asByEddy = final(seen(one, observed));
        expect(asByEddy).not.to.deep.equal(final(promised(one)));
      });
  }
});

describe("The list of differences", () => {
  it("names each case once, and no other", () => {
    const names = DIFFERENCES.map(([name]) => name);
    const known = CORPUS.map(({ name }) => name);
    expect([...new Set(names)]).to.deep.equal(names);
    expect(names.filter((name) => !known.includes(name))).to.deep.equal([]);
  });
});
