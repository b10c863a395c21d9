/** Where the command listens, by the words of other servers. */
import { expect } from "chai";
import { configure } from "../../../lib/cli/configure.ts";
import { CommandFailure } from "../../../lib/cli/failure.ts";
import { isGiven } from "../../../lib/cli/settings.ts";
import { folderWith } from "../../support/folder.ts";
import { flagsOf } from "../../support/flags.ts";

describe("Without --http, the command listens", () => {
  for (const [args, PORT, http] of [
    ["", "", "127.0.0.1:8000"],
    ["--port 9000", "", "127.0.0.1:9000"],
    ["-p 9000", "80", "127.0.0.1:9000"],
    ["--host 0.0.0.0", "", "0.0.0.0:8000"],
    ["--host 0.0.0.0", "9000", "0.0.0.0:9000"],
    ["--host ::1 -p 0", "", "[::1]:0"],
    ["--host [::] -p 1", "", "[::]:1"],
    ["--host * -p 1", "", ":1"],
    ["--bind unix:/run/a.sock -b :1,:2", "", "unix:/run/a.sock, :1, :2"],
    ["", "9000", ":9000"],
    ["--http :1", "9000", ":1"],
    ["--http none", "9000", ""],
  ] as const)
    it(`at ${http || "no address"} with ${args || "no flag"} and PORT=${PORT}`, async () => {
      const flags = await flagsOf(...args.split(" ").filter(Boolean));
      const { settings } = await configure(flags, {
        env: { PORT },
        folders: [],
      });
      expect(settings.http.join(", ")).to.equal(http);
    });

  it("where a config file says, whatever PORT is, which nobody has given", async () => {
    const env = { PORT: "9000" };
    const { resolved } = await configure({}, { env, folders: [] });
    expect(isGiven(resolved.http)).to.equal(false);
    const file = folderWith({ "eddy.config.json": '{ "http": ":1" }' });
    const { settings } = await configure({}, { env, folders: [file] });
    expect(settings.http).to.deep.equal([":1"]);
  });

  for (const [args, PORT, message] of [
    ["--port 70000", "", '--port takes a port from 0 to 65535, not "70000"'],
    ["--port :80", "", '--port takes a port from 0 to 65535, not ":80"'],
    ["--host a/b", "", '--host takes a name or an address, not "a/b"'],
    [
      "",
      "tcp://10.0.0.1:80",
      'PORT takes a port from 0 to 65535, not "tcp://10.0.0.1:80"',
    ],
    [
      "--http :1 --port 2",
      "",
      "--port and --http say where to listen: give one of them",
    ],
  ] as const)
    it(`not at all with ${args || "no flag"} and PORT=${PORT}`, async () => {
      const flags = await flagsOf(...args.split(" ").filter(Boolean));
      const sources = { env: { PORT }, folders: [] };
      const failure: unknown = await configure(flags, sources).catch(
        (error: unknown) => error,
      );
      expect(failure).to.be.instanceOf(CommandFailure);
      expect(failure).to.have.property("message", message);
    });
});
