/** The formats of the command's access lines, without its processes. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { configure } from "../../../lib/cli/configure.ts";
import { openLogs } from "../../../lib/cli/logs.ts";
import { folderWith } from "../../support/folder.ts";
import { serveWith } from "../../support/server.ts";

describe("The command's access lines", () => {
  for (const [logFormat, expected] of [
    [
      "combined",
      /^127\.0\.0\.1 - - \[\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET \/a%22b\?c=d HTTP\/1\.1" 200 5 "there" "me"\n$/,
    ],
    [
      "%h %m %U%q %>s %B %{cookie}i %{X-Api-Key}i %{x-none}i %% %O",
      /^127\.0\.0\.1 GET \/a%22b\?c=d 200 5 \[redacted\] \[redacted\] - % ok\n$/,
    ],
    [
      '%(h)s "%(r)s" %(s)s %(b)s %(f)s %(a)s %({authorization}i)s',
      /^127\.0\.0\.1 "GET \/a%22b\?c=d HTTP\/1\.1" 200 5 there me \[redacted\]\n$/,
    ],
    [
      "%D %T %M %L %P %(L)s %(M)s %(p)s",
      /^\d+ 0 [\d.]+ \w+-1 \d+ 0\.\d{6} \d+ <\d+>\n$/,
    ],
    [
      "pretty",
      /^\[\d\d:\d\d:\d\d\] GET \/a%22b\?c=d 200 5 [\d.]+ms 127\.0\.0\.1 \w+-1\n$/,
    ],
  ] as const)
    it(`can be ${logFormat}`, async () => {
      const accessLog = join(folderWith({}), "access.log");
      const { settings } = await configure(
        { logFormat, accessLog, redact: ["x-api-key"] },
        { env: {}, folders: [] },
      );
      const logs = openLogs(settings);
      const server = await serveWith((loop) => loop.mount(() => "hello"), {
        accessLog: logs.accessLog!,
      });
      await fetch(`${server.url}/a"b?c=d`, {
        headers: { cookie: "secret", "user-agent": "me", referer: "there" },
      });
      await server.end();
      logs.reopen(); // which writes what waits
      expect(readFileSync(accessLog, "utf8")).to.match(expected);
    });
});

describe("The command's log", () => {
  it("shows none of what --redact names", async () => {
    const errorLog = join(folderWith({}), "error.log");
    const { settings } = await configure(
      { errorLog, redact: ["X-Api-Key", "password"] },
      { env: {}, folders: [] },
    );
    const { log } = openLogs(settings);
    const headers = { "x-api-key": "s3cret", cookie: "s3cret", accept: "*" };
    log.info({
      user: { PASSWORD: "s3cret" },
      err: Object.assign(new Error("x"), { headers }),
    });
    const line = readFileSync(errorLog, "utf8");
    expect(line).to.include('"accept":"*"').and.not.include("s3cret");
  });
});
