/** Flags of Gunicorn, uWSGI and uvicorn, given to the command. */
import { CommanderError } from "commander";
import { expect } from "chai";
import { inOurWords } from "../../../lib/cli/other-words.ts";
import { flagsOf } from "../../support/flags.ts";

describe("A flag of Gunicorn, uWSGI or uvicorn", () => {
  for (const [flag, here] of [
    ["--processes", "--python-processes"],
    ["--threads", "--python-threads"],
    ["--timeout", "--python-harakiri (a slow client does not count)"],
    ["-t", "--python-harakiri (a slow client does not count)"],
    ["--graceful-timeout", "--drain-timeout"],
    ["--die-on-term", "not needed: always so"],
    ["--enable-threads", "not needed: always so, in effect"],
    ["--wsgi-file", "the argument: eddy app.wsgi, or eddy hello.py:app"],
    ["--access-logfile", "--access-log"],
    ["--error-logfile", "--error-log (- is standard output)"],
    ["--preload", "--no-python-lazy-apps"],
    [
      "-c",
      "what eddy import makes of it: eddy import gunicorn.conf.py > eddy.config.yaml",
    ],
    ["--factory", 'a call: eddy "hello:make()"'],
    ["--app-dir", "--python-path"],
    ["--keyfile", "--tls-key"],
    ["--ssl-keyfile", "--tls-key"],
    ["--keep-alive", "something else: idleTimeoutMs of a Loop"],
    ["--env", "settings of a config file (unless the variable is set already)"],
    ["--no-access-log", "--access-log none"],
  ] as const)
    it(`${flag} is answered by what it is here`, () => {
      expect(inOurWords(flag)).to.equal(`${flag}: in eddy this is ${here}`);
    });

  it("--worker-class says what there is for greenlets", () => {
    expect(inOurWords("--worker-class")).to.match(
      /--python-interface, --python-threads \(sync, gthread and Uvicorn.s; instead of greenlets more --python-threads/,
    );
  });

  it("is an error, and one that nobody has stays unknown", async () => {
    for (const flag of ["--processes=4", "--nonsense"]) {
      const failure: unknown = await flagsOf("app:app", flag).catch(
        (error: unknown) => error,
      );
      expect(failure).to.be.instanceOf(CommanderError);
    }
    expect(inOurWords("--nonsense")).to.equal(undefined);
  });
});

describe("--python-lazy-apps", () => {
  it("and its negative say true and false", async () => {
    expect(await flagsOf("--python-lazy-apps")).to.include({
      pythonLazyApps: true,
    });
    expect(await flagsOf("--no-python-lazy-apps")).to.include({
      pythonLazyApps: false,
    });
    expect(await flagsOf()).to.not.have.property("pythonLazyApps");
  });
});
