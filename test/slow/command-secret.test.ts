/** The key that an application signs with, as the command hands it on. */
import { expect } from "chai";
import { eddy, PATIENCE_MS } from "../support/command.ts";
import { folderWith } from "../support/folder.ts";

describe("secretKey()", function () {
  this.timeout(PATIENCE_MS);
  const app =
    "import { secretKey } from 'eddy/config'; const key = secretKey(); export default () => key;";

  it("is what was configured", async () => {
    const command = eddy(folderWith({ "app.ts": app }), ["app.ts"], {
      EDDY_SECRET_KEY: "a secret of 16 or more",
    });
    expect(await command.text()).to.equal("a secret of 16 or more");
  });

  it("is made up in development, the same for all workers, and a warning says so", async () => {
    const command = eddy(folderWith({ "app.ts": app }), [
      "app.ts",
      "--workers",
      "2",
    ]);
    const keys = new Set<string>();
    for (let i = 0; i < 10; i++) keys.add(await command.text());
    expect([...keys].join()).to.match(/^[\w-]{43}$/);
    expect(command.stderr).to.match(
      /there is no secret key; one was made up for now/,
    );
  });

  it("is refused in production", async () => {
    const command = eddy(folderWith({ "app.ts": app }), ["app.ts"], {
      NODE_ENV: "production",
    });
    expect(await command.ended).to.equal(3);
    expect(command.stderr).to.match(
      /there is no secret key: set EDDY_SECRET_KEY, for example to the output of/,
    );
  });
});
