import { expect } from "chai";
import { parseHttpAddress } from "../../../lib/cli/http-address.ts";

describe("parseHttpAddress()", () => {
  for (const [entry, target, engine] of [
    [":8000", { port: 8000 }, undefined],
    [":8000=node", { port: 8000 }, "node"],
    ["[::1]:80=uws", { host: "::1", port: 80 }, "uws"],
    ["node:80=auto", { host: "node", port: 80 }, "auto"],
    ["unix:/a=b=node", { path: "/a=b" }, "node"],
  ] as const)
    it(`reads ${entry}`, () => {
      expect(parseHttpAddress(entry)).to.deep.equal({ target, engine });
    });

  for (const entry of [
    "",
    "=node",
    ":80=",
    ":80=nod",
    "unix:/a=b",
    ":80 =node",
  ])
    it(`does not take ${JSON.stringify(entry)}`, () => {
      expect(parseHttpAddress(entry)).to.equal(undefined);
    });
});
