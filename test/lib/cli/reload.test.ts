/** What workers are started with, at the start and after a reload. */
import { expect } from "chai";
import { configure } from "../../../lib/cli/configure.ts";
import { releaseOf } from "../../../lib/cli/release.ts";

describe("releaseOf", () => {
  it("does not take what a platform says in PORT for an order of the operator's", async () => {
    const sources = { env: { PORT: "8001" }, folders: [] };
    const configuration = await configure({ app: "app.mjs" }, sources);
    const { settings, explicit } = releaseOf(configuration, {});
    expect(settings.http).to.deep.equal([":8001"]);
    expect(explicit).to.deep.equal(["app"]);
  });
});
