/** The same with the default engine, as far as it goes: it does not speak HTTP/1.0. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { PATIENCE_MS } from "../support/command.ts";
import { describeOnUws } from "../support/native.ts";
import { NGINX_MISSING } from "../support/nginx.ts";
import { describeIf } from "../support/programs.ts";
import { ROOT } from "../support/root.ts";
import { ARGUMENTS, itLosesNothing, PORTS, Site, SITE } from "./nginx-site.ts";

const SAMPLE = readFileSync(join(ROOT, "samples/deploy/nginx.conf"), "utf8");
const DEFAULT = ARGUMENTS.replace("--engine node ", "");

describeOnUws("In front of the default engine,", () => {
  describeIf(NGINX_MISSING, "nginx as docs/tour.md has it", () => {
    it("gets 505, and the log names what to do", async function () {
      this.timeout(PATIENCE_MS);
      const site = await new Site(DEFAULT).start(SITE);
      for (const _ of PORTS) expect((await site.ask("GET"))[0]).to.equal(505);
      const { msg } = await site.first.logged(/ended without a request/);
      expect(msg).to.match(/proxy_http_version 1.1.*--engine node/);
    });
  });

  describeIf(NGINX_MISSING, "nginx as samples/deploy/nginx.conf has it", () => {
    itLosesNothing(DEFAULT, SAMPLE);
  });
});
