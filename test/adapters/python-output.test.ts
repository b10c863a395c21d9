/** What applications of Python print, in the log. */
import { expect } from "chai";
import { needsPython, pythonApp } from "../support/python.ts";
import { serveWith, type TestServer } from "../support/server.ts";

describe("What an application of Python prints", function () {
  this.timeout(30_000); // processes have to start, on a machine that may be busy

  before(function () {
    needsPython(this);
  });

  const serve = async (lazyApps = true): Promise<TestServer> => {
    const app = pythonApp("printing:app", { lazyApps });
    return (await serveWith((loop) => loop.mount(app))).expectLog(/./);
  };
  /** The lines of its processes: level and text. */
  const printed = ({ log }: TestServer): [level: number, text: string][] =>
    log
      .filter(({ pythonPid }) => pythonPid !== undefined)
      .map(({ level, msg = "" }) => [level, msg]);

  for (const lazyApps of [true, false])
    it(`is news, on standard error a warning, and a traceback an error, with lazyApps: ${lazyApps}`, async () => {
      const server = await serve(lazyApps);
      await fetch(server.url);
      await server.logged(({ msg }) => msg === "the end");
      await server.logged(({ msg }) => msg === "a line");
      const lines = printed(server);
      expect(lines).to.deep.include([30, "a line"]);
      const errors = lines.filter(([level]) => level > 30);
      expect(errors[0]).to.deep.equal([40, "at the import"]);
      expect(errors[1]).to.deep.equal([40, "a warning"]);
      expect(errors[2]).to.deep.equal([
        50,
        "Traceback (most recent call last):",
      ]);
      expect(errors[3]![0]).to.equal(50);
      expect(errors[3]![1]).to.match(/^ {2}File ".*printing\.py", line \d+/);
      expect(errors.slice(-2)).to.deep.equal([
        [50, "ValueError: on purpose"],
        [40, "the end"],
      ]);
    });

  it("in a line of 5 MB comes cut, and says so", async () => {
    const server = await serve();
    await fetch(`${server.url}?5000000`);
    const { msg } = await server.logged(({ msg = "" }) => msg.startsWith("xx"));
    expect(msg).to.match(/^x{65536} … \(4934464 more characters cut\)$/);
  });
});
