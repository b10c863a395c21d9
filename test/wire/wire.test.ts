/** Every case of the corpus, on every kind of listener. */
import { expect } from "chai";
import { readCorpus } from "./case.ts";
import { Connection } from "./connection.ts";
import { GAPS } from "./gaps.ts";
import { play, promised, type Outcome } from "./play.ts";
import { LISTENERS, type Server } from "./servers.ts";

const CORPUS = [...readCorpus("valid"), ...readCorpus("invalid")];

for (const [listener, start] of Object.entries(LISTENERS))
  describe(`On ${listener}, the wire case`, () => {
    let server: Server;

    before(async function () {
      const started = await start();
      if (started === undefined) return this.skip();
      server = started;
    });
    after(async () => expect(await server?.close()).to.deep.equal([]));

    for (const one of CORPUS) {
      const gap = GAPS[one.name];
      it(`${one.name}${gap === undefined ? "" : ` is not as it should be: ${gap}`}`, async () => {
        server.calls.length = 0;
        const connection = await Connection.open(server.target);
        const seen: Outcome = await play(one, connection, server.calls);
        connection.end();
        if (gap === undefined) expect(seen).to.deep.equal(promised(one));
        else expect(seen).not.to.deep.equal(promised(one));
      });
    }
  });
