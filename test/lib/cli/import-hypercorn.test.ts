/** Config files of Hypercorn, TOML and Python, as ours. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseYAML } from "confbox";
import { expect } from "chai";
import { HYPERCORN } from "../../../lib/cli/import/hypercorn.ts";
import { importFile, type Imported } from "../../../lib/cli/import/import.ts";
import { ruleFor } from "../../../lib/cli/import/rules.ts";
import { folderWith } from "../../support/folder.ts";
import { needsPython, PYTHON } from "../../support/python.ts";

const settingsOf = ({ config }: Imported): Record<string, unknown> =>
  parseYAML(config);

function toml(...lines: string[]): Imported {
  const folder = folderWith({ "hypercorn.toml": lines.join("\n") });
  return importFile(join(folder, "hypercorn.toml"), PYTHON);
}

describe("A hypercorn.toml", () => {
  it("becomes settings, and says what does not", () => {
    const imported = toml(
      "# of the shop",
      'application_path = "asgi:shop.main:app"',
      'bind = ["0.0.0.0:8000", "localhost", "unix:/run/a.sock"]',
      "workers = 3",
      'worker_class = "uvloop"',
      "graceful_timeout = 3.0",
      "startup_timeout = 30",
      'accesslog = "-"',
      'loglevel = "WARNING"',
      "umask = 18",
      "use_reloader = true",
      "include_server_header = false",
      "keep_alive_timeout = 5",
      "wonder = 1",
      "[logconfig_dict]",
      "version = 1",
    );
    expect(settingsOf(imported)).to.deep.equal({
      app: "python:shop.main:app",
      pythonInterface: "asgi",
      http: ["0.0.0.0:8000", "localhost:8000", "unix:/run/a.sock"],
      pythonProcesses: 3,
      pythonLoop: "uvloop",
      drainTimeout: "3s",
      startTimeout: "30s",
      accessLog: "-",
      logLevel: "warn",
      umask: "022",
      reload: true,
      maxBody: "none",
    });
    const lost = [...imported.summary.matchAll(/:(\d+): (\w+): (.*)/g)];
    expect(lost.map(([, ...parts]) => parts.join(" "))).to.deep.equal([
      "13 keep_alive_timeout `idleTimeoutMs` of a Loop",
      "14 wonder eddy import does not know it",
      "15 logconfig_dict `logFormat`, `accessLog`, `errorLog`",
    ]);
    expect(imported.complete).to.equal(false);
  });

  for (const [line, key, value] of [
    ['bind = "[::1]:80"', "http", ["[::1]:80"]],
    ['bind = "fd://3"', "fd", 3],
    ["verify_mode = 2", "tlsVerifyClient", "require"],
    ['verify_mode = "CERT_OPTIONAL"', "tlsVerifyClient", "optional"],
    ['keyfile_password = "x"', "tlsPassphrase", "x"],
    ['pid_path = "/run/a.pid"', "pid", "/run/a.pid"],
    ['application_path = "wsgi:shop:app"', "pythonInterface", "wsgi"],
    ['application_path = "wsgi:app"', "app", "python:wsgi:app"],
  ] as const)
    it(`with ${line}`, () => {
      const imported = toml(line);
      expect(settingsOf(imported)[key]).to.deep.equal(value);
      expect(imported.complete, imported.summary).to.equal(true);
    });

  for (const [line, message] of [
    ['bind = ["fd://3", ":80"]', /one `fd`, and it is in place of `http`/],
    ['worker_class = "trio"', /there is no loop trio/],
    ["graceful_timeout = 0.5", /0\.5 is not a whole number/],
    ["verify_mode = 7", /7 is none of 0, 1 and 2/],
  ] as const)
    it(`does not translate ${line}, and says so`, () => {
      expect(toml(line).summary).to.match(message);
    });

  it("is refused with its line, and without its text, when it is no TOML", () => {
    const read = (): Imported => toml("workers = 1", 'key = "secret"x');
    expect(read).to.throw(/hypercorn\.toml: line 2: Invalid TOML document: /);
    expect(read).to.not.throw(/secret/);
  });
});

describe("A command line of Hypercorn that names its config file", () => {
  before(function () {
    needsPython(this);
  });

  const FILES = {
    "h.toml": 'bind = ":80"\nworkers = 3\ndebug = true\n',
    "h.py": [
      "import os, ssl",
      'bind = "unix:/run/a.sock"',
      "workers = os.cpu_count()",
      "max_requests = 100",
      "helper = 3",
      "raise SystemExit('it runs')",
    ].join("\n"),
  };

  function typed(config: string, ...flags: string[]): Imported {
    const folder = folderWith(FILES);
    const words = ["-c", config.replace("DIR", folder), ...flags, "app:app"];
    return importFile("hypercorn", PYTHON, words);
  }

  it("has what stands there, and flags in place of it", () => {
    const imported = typed("DIR/h.toml", "-w5", "--reload");
    expect(settingsOf(imported)).to.deep.equal({
      app: "python:app:app",
      http: [":80"],
      pythonProcesses: 5,
      reload: true,
      maxBody: "none",
    });
    expect(imported.summary).to.match(/h\.toml:3: debug: `logLevel`/);
  });

  it("may name one of Python, which is not run", () => {
    const imported = typed("file:DIR/h.py");
    expect(settingsOf(imported)).to.deep.equal({
      app: "python:app:app",
      http: ["unix:/run/a.sock"],
      pythonMaxRequests: 100,
      maxBody: "none",
    });
    expect(imported.summary).to.match(
      /^3 options of Hypercorn|h\.py:3: workers: it is computed when Hypercorn starts: set pythonProcesses/,
    );
    expect(imported.config).to.include("no setting of Hypercorn's");
  });

  it("says what to give in place of a module", () => {
    const { summary, complete } = typed("python:shop.conf");
    expect(summary).to.match(/config: its file: -c FILE\.toml/);
    expect(complete).to.equal(false);
  });

  it("is refused when there is no such file", () => {
    expect(() => typed("nowhere.toml")).to.throw(
      /^cannot import hypercorn: ENOENT.*nowhere\.toml/,
    );
  });
});

describe("The table of Hypercorn", () => {
  it("has every setting and every flag of the Hypercorn that is installed", function () {
    const shown = spawnSync(PYTHON, ["-m", "hypercorn", "--help"], {
      encoding: "utf8",
    });
    if (shown.status !== 0) return this.skip();
    const folder = folderWith({});
    const file = join(folder, "settings.py");
    writeFileSync(
      file,
      [
        "from hypercorn.config import Config",
        "for name in dir(Config):",
        "    value = getattr(Config, name)",
        "    if name[0] != '_' and (isinstance(value, (property, type)) or not callable(value)): print(name)",
      ].join("\n"),
    );
    const names = spawnSync(PYTHON, [file], { encoding: "utf8" });
    const strange = names.stdout
      .trim()
      .split("\n")
      .filter((name) => !["log", "ssl_enabled"].includes(name)) // what it makes of them
      .filter((name) => ruleFor(HYPERCORN.rules, name) === undefined);
    expect(strange).to.deep.equal([]);
    const flags = [...shown.stdout.matchAll(/^ {2}.*?--([a-z-]+)/gm)]
      .map(([, flag]) => flag!)
      .filter((flag) => flag !== "help");
    expect(flags).to.have.length.above(20);
    for (const flag of flags) {
      const word = flag === "config" ? "--config=python:a" : `--${flag}=1`;
      const { summary } = importFile("hypercorn", PYTHON, [word]);
      expect(summary, flag).to.not.match(/does not know it/);
    }
  });
});
