/** The first store of AsyncLocalStorage in a process, before which contexts cost nothing. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { onEachEngine } from "../support/engines.ts";
import { afterTest } from "../support/hooks.ts";

const SERVER = fileURLToPath(new URL("first-store-server.js", import.meta.url));

const KINDS = [
  "a handler",
  "an async handler",
  "an operation",
  "an async handler after a wait",
  "an operation after a wait",
  "a task of an operation",
  "an operation that throws",
  "a stream",
  "a store that runs",
];

async function serve(engine: string, kind: string) {
  const server = fork(SERVER, [engine, kind], { stdio: "pipe" });
  afterTest(() => void server.kill());
  let errors = "";
  server.stderr!.on("data", (text) => (errors += text));
  const [{ url }] = (await once(server, "message")) as [{ url: string }];
  return {
    ask: async (path: string) => (await fetch(url + path)).text(),
    errors: () => errors,
  };
}

onEachEngine(({ name }) => {
  describe("AsyncLocalStorage, used for the first time in its process", () => {
    it("is of one request alone: one that wakes another from where no store is used", async () => {
      const { ask, errors } = await serve(name, "a handler");
      const asleep = ask("/asleep");
      expect(await ask("/wakes")).to.equal("bob");
      expect(await asleep).to.equal("undefined");
      expect(errors()).to.equal("");
    });

    for (const kind of KINDS)
      it(`is of one request alone: entered by ${kind}`, async () => {
        const { ask, errors } = await serve(name, kind);
        const first = ask("/enter");
        expect(await ask("/entered")).to.equal("undefined");
        expect(await ask("/other")).to.equal("undefined");
        expect(await ask("/go")).to.equal("undefined");
        expect(await first).to.equal("ann");
        expect(await ask("/other")).to.equal("undefined");
        expect(errors()).to.equal("");
      });
  });
});
