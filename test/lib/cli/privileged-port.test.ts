/** Ports below 1024, for workers of another user. */
import { readFileSync } from "node:fs";
import { expect } from "chai";
import { CommandFailure } from "../../../lib/cli/failure.ts";
import { checkOpenable, engineAt } from "../../../lib/cli/privileged-port.ts";
import { NOBODY } from "../../support/other-user.ts";

const FIRST = "/proc/sys/net/ipv4/ip_unprivileged_port_start";

describe("A port below 1024", () => {
  before(function () {
    if (process.platform !== "linux" || Number(readFileSync(FIRST)) <= 80)
      this.skip();
  });

  it("is the supervisor's socket with --user, by the engine node", () => {
    expect(engineAt({ port: 80 }, "auto", { uid: NOBODY })).to.equal("node");
  });

  it("is refused with --user by --engine uws, with what to do", () => {
    expect(() => engineAt({ port: 80 }, "uws", { uid: NOBODY })).to.throw(
      CommandFailure,
      /cannot open port 80.*--engine node.*setcap/,
    );
  });

  it("is refused with --user by --workers 0, whose process has no other to open it", () => {
    const check = (port: number, uid: number) => () =>
      checkOpenable({ port }, { uid });
    expect(check(80, NOBODY)).to.throw(
      CommandFailure,
      /cannot open port 80.*--workers 1.*setcap/,
    );
    expect(check(80, 0)).not.to.throw();
    expect(check(8000, NOBODY)).not.to.throw();
  });

  it("is left to the engine where root serves, or anybody may", () => {
    const nobody = { uid: NOBODY };
    expect(engineAt({ port: 80 }, "uws", {})).to.equal("uws");
    expect(engineAt({ port: 80 }, "auto", { uid: 0 })).to.equal("auto");
    expect(engineAt({ port: 8000 }, "uws", nobody)).to.equal("uws");
    expect(engineAt({ path: "/run/a" }, "uws", nobody)).to.equal("uws");
  });
});
