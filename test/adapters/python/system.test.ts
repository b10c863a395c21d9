/** Where Python applications run. */
import { expect } from "chai";
import { checkSystem } from "../../../adapters/python/application.ts";
import { UsageError } from "../../../lib/index.ts";

const on = (platform: NodeJS.Platform) => (): void =>
  checkSystem({ platform } as typeof process);

describe("python()", () => {
  it("says at the start that Windows is no system for it", () => {
    expect(on("win32")).to.throw(UsageError, /^python\(\) needs Linux, macOS/);
    for (const platform of ["linux", "darwin", "freebsd"] as const)
      expect(on(platform)).not.to.throw();
  });
});
