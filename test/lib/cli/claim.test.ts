/** Claims of addresses: what they consist of, and where there are no abstract sockets. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { expect } from "chai";
import { hold, namesOf, placeOf } from "../../../lib/cli/claim.ts";
import { afterTest } from "../../support/hooks.ts";

const DARWIN = { platform: "darwin" } as typeof process;

function server(): Server {
  const one = createServer();
  afterTest(() => one.close());
  return one;
}

async function isTaken(place: string): Promise<string> {
  try {
    await hold("http: cannot listen on here", server(), place);
    return "it is free";
  } catch (error) {
    return (error as Error).message;
  }
}

describe("A claim", () => {
  const at = (address: string): string[] => namesOf({ address, port: 80 });

  it("of all addresses has names in common with that of each, and of no other port", () => {
    expect(at("127.0.0.1")).to.deep.equal(["127.0.0.1 80"]);
    expect(at("192.0.2.7")).to.deep.equal(["192.0.2.7 80"]);
    expect(at("0.0.0.0")).to.include.members(["0.0.0.0 80", "127.0.0.1 80"]);
    expect(at("0.0.0.0").some((name) => name.includes("::"))).to.equal(false);
    expect(at("::")).to.include.members(["127.0.0.1 80", ":: 80"]);
  });

  for (const [what, place] of [
    ["here", placeOf("test 1")],
    ["where there are no abstract sockets", placeOf("test 1", DARWIN)],
  ] as const)
    it(`is one process's, ${what}, until it ends`, async () => {
      const first = server();
      await hold("http: cannot listen on here", first, place);
      expect(await isTaken(place)).to.match(
        /^http: cannot listen on here: another eddy has this address/,
      );
      first.close();
      await once(first, "close");
      expect(await isTaken(place)).to.equal("it is free");
    });

  it("does not survive a process that is killed, where it is a file", async () => {
    const place = placeOf("test 2", DARWIN);
    const child = spawn(process.execPath, [
      "-e",
      `require("net").createServer().listen(${JSON.stringify(place)}, () => console.log("up"))`,
    ]);
    await once(child.stdout, "data");
    expect(await isTaken(place)).to.match(/another eddy has this address/);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(await isTaken(place)).to.equal("it is free");
  });
});
