/** Conversations that nobody thought of, the same ones each time. `npm run fuzz:ws` has many more, and others. */
import { expect } from "chai";
import { search } from "../../tools/ws-fuzz/fuzz.ts";
import { onEachEngine } from "../support/engines.ts";

onEachEngine((engine) => {
  describe("Random conversations of WebSocket", () => {
    it("get what is right, and each ends with its task", async () => {
      expect(await search(engine.options, 1, 400)).to.equal(undefined);
    });
  });
});
