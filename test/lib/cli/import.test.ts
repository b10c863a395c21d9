/** Config files of uWSGI and Gunicorn, as ours. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect } from "chai";
import { GUNICORN } from "../../../lib/cli/import/gunicorn.ts";
import { importFile } from "../../../lib/cli/import/import.ts";
import { HYPERCORN } from "../../../lib/cli/import/hypercorn.ts";
import { UVICORN } from "../../../lib/cli/import/uvicorn.ts";
import { ruleFor } from "../../../lib/cli/import/rules.ts";
import { UWSGI } from "../../../lib/cli/import/uwsgi.ts";
import type { Settings } from "../../../lib/cli/schema.ts";
import { folderWith } from "../../support/folder.ts";
import { imported, refusal } from "../../support/imported.ts";
import { needsPython, PYTHON } from "../../support/python.ts";

const ini = (...lines: string[]) => imported("uwsgi.ini", "[uwsgi]", ...lines);
const conf = (...lines: string[]) => imported("gunicorn.conf.py", ...lines);

const UWSGI_DEFAULTS = {
  maxBody: Infinity,
  pythonHarakiri: Infinity,
  pythonLazyApps: false,
  accessLog: "-",
};

describe("A uwsgi.ini", () => {
  it("of a Django site becomes settings, and says what does not", async () => {
    const { settings, config, summary, complete } = await ini(
      "; the shop",
      "project = shop",
      "base = /srv/%(project)",
      "chdir = %(base)",
      "home = %(base)/.venv",
      "module = %(project).wsgi:application",
      "env = DJANGO_SETTINGS_MODULE=shop.settings",
      "env = LANG=C.UTF-8",
      "",
      "master = true",
      "processes = 4",
      "threads = 2",
      "cheaper = 1",
      "socket = /run/uwsgi/%n.sock",
      "vacuum",
      "harakiri = 20",
      "max-requests = 5000",
      "buffer-size = 32768",
      "uid = www-data",
      "gid = www-data",
      "limit-post = 10485760",
      "logto = /var/log/shop.log",
      "stats = 127.0.0.1:9191",
      "py-autoreload = 0",
    );
    expect(settings).to.deep.equal({
      chdir: "/srv/shop",
      pythonVenv: "/srv/shop/.venv",
      app: "python:shop.wsgi:application",
      settings: {
        DJANGO_SETTINGS_MODULE: { default: "shop.settings" },
        LANG: { default: "C.UTF-8" },
      },
      pythonProcesses: 4,
      pythonThreads: 2,
      uwsgi: "unix:/run/uwsgi/uwsgi.sock",
      http: [],
      pythonHarakiri: 20_000,
      pythonLazyApps: false,
      pythonMaxRequests: 5000,
      user: "www-data",
      group: "www-data",
      maxBody: 10 * 1024 ** 2,
      errorLog: "/var/log/shop.log",
      accessLog: "/var/log/shop.log",
      stats: "127.0.0.1:9191",
    });
    expect(complete).to.equal(false);
    expect(summary).to.match(
      /^22 options of uWSGI, 2 not translated, or not all of it:\n.*uwsgi\.ini:14: cheaper: the number of processes is fixed: `pythonProcesses`\n.*uwsgi\.ini:19: buffer-size: request headers have 16KiB at most/,
    );
    expect(config).to.include("# processes = 4\npythonProcesses: 4\n");
    expect(config).to.include("# cheaper = 1\n#   the number of");
    expect(config).to.include("# vacuum\n#   always so");
  });

  it("that has nothing else is complete", async () => {
    const { settings, complete, summary } = await ini(
      "http = :8000",
      "wsgi-file = srv/app.py",
      "callable = site",
      "master = true",
      "need-app = true",
    );
    expect(summary).to.equal("4 options of uWSGI, all translated");
    expect(complete).to.equal(true);
    expect(settings).to.deep.equal({
      http: [":8000"],
      app: "python:app:site",
      pythonPath: ["srv"],
      needApp: true,
      ...UWSGI_DEFAULTS,
    });
  });

  for (const [lines, key, value] of [
    [["http = *:80"], "http", [":80"]],
    [["http = :80", "http = :81"], "http", [":80", ":81"]],
    [["http-socket = [::1]:80"], "http", ["[::1]:80"]],
    [["http-socket = /run/a.sock"], "http", ["unix:/run/a.sock"]],
    [["socket = 127.0.0.1:3031"], "uwsgi", "127.0.0.1:3031"],
    [["https = :443,a.crt,a.key"], "tlsKey", ["a.key"]],
    [["https = :443,a.crt,a.key,HIGH,!ca.pem"], "tlsCa", "ca.pem"],
    [["https = :443,a.crt,a.key,HIGH,!ca.pem"], "tlsVerifyClient", "require"],
    [["https = :443,a.crt,a.key,HIGH,ca.pem"], "tlsVerifyClient", "optional"],
    [["https = :443,a.crt,a.key,HIGH"], "tlsCiphers", "HIGH"],
    [
      ["static-map = /s=/srv/static", "static-map = /m=media"],
      "static",
      ["/s=/srv/static", "/m=media"],
    ],
    [
      ["mount = /a=a:app", "mount = /b=b.py"],
      "mount",
      ["/a=python:a:app", "/b=python:b"],
    ],
    [["module = a:make()"], "app", "python:a:make()"],
    [["module = a", "callable = b"], "app", "python:a:b"],
    [["harakiri = 0"], "pythonHarakiri", Infinity],
    [["disable-logging = true"], "accessLog", "none"],
    [["req-logger = file:/var/log/a.log"], "accessLog", "/var/log/a.log"],
    [["pp = a", "pythonpath = b"], "pythonPath", ["a", "b"]],
    [["processes: 3"], "pythonProcesses", 3],
    [["lazy-apps = true"], "pythonLazyApps", true],
    [["set-ph = n=5", "threads = %(n)"], "pythonThreads", 5],
    [["chdir = $(EDDY_TEST_PLACE)/a"], "chdir", "/there/a"],
    [["pidfile = /run/%n-100%%.pid"], "pid", "/run/uwsgi-100%.pid"],
    [["[other]", "threads = 9", "[uwsgi]", "threads = 2"], "pythonThreads", 2],
  ] as [string[], keyof Settings, unknown][])
    it(`with ${lines.join(", ")}`, async () => {
      process.env["EDDY_TEST_PLACE"] = "/there";
      const { settings, complete } = await ini(...lines);
      delete process.env["EDDY_TEST_PLACE"];
      expect(settings[key]).to.deep.equal(value);
      expect(complete).to.equal(true);
    });

  for (const [lines, message] of [
    [
      ["socket = fd://3"],
      /:2: socket: fd:\/\/3 is neither an address nor a path$/,
    ],
    [["http = :70000"], /:2: http: :70000 is neither an address nor a path$/],
    [["buffer-size = 0"], /request headers have 16KiB at most/],
    [["processes = many"], /:2: processes: many is not a whole number$/],
    [["processes = 0"], /pythonProcesses takes a whole number from 1, not 0$/],
    [["wsgi-file = site.wsgi"], /site\.wsgi cannot be imported/],
    [["module = a:make'x'"], /is not a name such as app:app/],
    [
      ["threads = %(nowhere)"],
      /%\(nowhere\) has no value here: set pythonThreads$/,
    ],
    [["chdir = $(EDDY_TEST_NOWHERE)"], /\$\(EDDY_TEST_NOWHERE\) has no value/],
    [
      ["if-env = A", "threads = 2", "endif ="],
      /:3: threads: uWSGI decides about it/,
    ],
    [
      ["http = :80", "https = :443,a.pem,b.pem"],
      /:3: https: http is one of them: this is in place of \[":80"\]$/,
    ],
    [
      ["stats = :80", "stats = :81"],
      /:3: stats: stats is one of them: this is in place of ":80"$/,
    ],
    [["wonder = 1"], /:2: wonder: eddy import does not know it$/],
    [["gevent = 100"], /:2: gevent: more `pythonThreads`/],
    [["route-uri = ^/a break:403"], /:2: route-uri: the server in front/],
    [["env = A"], /A is not NAME=value/],
  ] as [string[], RegExp][])
    it(`does not translate ${lines.join(", ")}, and says so`, async () => {
      const { summary, complete } = await ini(...lines);
      expect(summary).to.match(message);
      expect(complete).to.equal(false);
    });

  it("in YAML or JSON is read, too", async () => {
    const yaml = await imported(
      "uwsgi.yaml",
      "uwsgi:",
      "  module: a:app",
      "  env: [A=1, B=2]",
      "  processes: 4",
      "  cron: 1 2 3 4 5 ls",
    );
    expect(yaml.settings).to.deep.include({
      app: "python:a:app",
      settings: { A: { default: "1" }, B: { default: "2" } },
      pythonProcesses: 4,
    });
    expect(yaml.summary).to.match(/uwsgi\.yaml:5: cron: a program of its own/);
    const json = await imported(
      "uwsgi.json",
      '{ "uwsgi": { "module": "a:app", "master": true } }',
    );
    expect(json.settings.app).to.equal("python:a:app");
    expect(json.complete).to.equal(true);
  });

  for (const [name, content, message] of [
    ["uwsgi.ini", "processes = 1", /there is no section uwsgi in it$/],
    ["uwsgi.json", "[]", /there is no section uwsgi in it$/],
    ["uwsgi.yaml", "a: [", /cannot import .*uwsgi\.yaml: /],
    [
      "uwsgi.xml",
      "<uwsgi/>",
      /ends with \.ini, \.yaml, \.yml, \.json, one of Gunicorn with \.py, and one of Hypercorn with \.toml$/,
    ],
  ] as [string, string, RegExp][])
    it(`is refused when it is ${name} with ${content}`, () => {
      expect(refusal(name, content)).to.match(message);
    });

  it("is refused when it is missing", () => {
    expect(() => importFile("nowhere.ini", PYTHON)).to.throw(
      /^cannot import nowhere\.ini: ENOENT/,
    );
  });
});

describe("A gunicorn.conf.py", () => {
  before(function () {
    needsPython(this);
  });

  it("becomes settings, and says what does not; it is not run", async () => {
    const { settings, summary, complete } = await conf(
      "import multiprocessing, os",
      "",
      "raise SystemExit('it runs')",
      'bind = ["0.0.0.0:8000", "unix:/run/a.sock"]',
      "workers = multiprocessing.cpu_count() * 2 + 1",
      "threads = 4",
      'worker_class = "gthread"',
      "timeout = 60",
      "graceful_timeout = 45",
      "keepalive = 5",
      "max_requests, max_requests_jitter = 1000, 50",
      "max_requests = 1000",
      'raw_env = ["DJANGO_SETTINGS_MODULE=shop.settings"]',
      'accesslog = "-"',
      "errorlog = None",
      'loglevel: str = "warning"',
      "access_log_format = '%(h)s \"%(r)s\" %(s)s %(D)s'",
      "preload_app = False",
      'forwarded_allow_ips = "10.0.0.1,10.0.0.2"',
      "umask = 0o027",
      "cores = 8",
      'if os.environ.get("DEBUG"):',
      "    reload = True",
      "def post_fork(server, worker):",
      "    pass",
    );
    expect(settings).to.deep.equal({
      http: ["0.0.0.0:8000", "unix:/run/a.sock"],
      pythonThreads: 4,
      pythonHarakiri: 60_000,
      pythonLazyApps: true,
      drainTimeout: 45_000,
      pythonMaxRequests: 1000,
      settings: { DJANGO_SETTINGS_MODULE: { default: "shop.settings" } },
      accessLog: "-",
      logLevel: "warn",
      logFormat: '%(h)s "%(r)s" %(s)s %(D)s',
      trustProxy: ["10.0.0.1", "10.0.0.2"],
      umask: "027",
      maxBody: Infinity,
    });
    expect(complete).to.equal(false);
    const lost = [...summary.matchAll(/:(\d+): (\w+): /g)].map(
      ([, line, name]) => `${line} ${name}`,
    );
    expect(lost).to.deep.equal([
      "5 workers",
      "10 keepalive",
      "11 max_requests",
      "23 reload",
      "24 post_fork",
    ]);
  });

  it("that is empty has Gunicorn's defaults", async () => {
    const { settings, config, complete } = await conf("");
    expect(complete).to.equal(true);
    expect(settings).to.deep.equal({ maxBody: Infinity });
    expect(config).to.include("No application is named here");
  });

  for (const [line, key, value] of [
    ["wsgi_app = 'shop.wsgi'", "app", "python:shop.wsgi"],
    ["bind = 'unix:/run/a.sock'", "http", ["unix:/run/a.sock"]],
    ["bind = ':8001'", "http", [":8001"]],
    ["timeout = 0", "pythonHarakiri", Infinity],
    ["preload_app = True", "pythonLazyApps", false],
    ["pythonpath = 'a,b'", "pythonPath", ["a", "b"]],
    ["user = 1000", "user", "1000"],
    ["proxy_protocol = True", "proxyHeader", "proxy-v2"],
    ["ca_certs = 'ca.pem'", "tlsCa", "ca.pem"],
    ["cert_reqs = 2", "tlsVerifyClient", "require"],
    ["cert_reqs = 1", "tlsVerifyClient", "optional"],
    ["ciphers = 'ECDHE+AESGCM'", "tlsCiphers", "ECDHE+AESGCM"],
  ] as [string, keyof Settings, unknown][])
    it(`with ${line}`, async () => {
      const { settings, complete } = await conf(line);
      expect(settings[key]).to.deep.equal(value);
      expect(complete).to.equal(true);
    });

  for (const [line, message] of [
    [
      "worker_class = 'gevent'",
      /gevent has no counterpart: more pythonThreads/,
    ],
    ["forwarded_allow_ips = '*'", /whoever can connect would be believed/],
    ["access_log_format = '%(wonder)s'", /logFormat: there is no %\(wo/],
    ["cert_reqs = 3", /3 is none of 0, 1 and 2/],
    ["loglevel = 'loud'", /there is no level loud/],
    ["daemon = True", /:1: daemon: systemd keeps it/],
    [
      "workers += 1",
      /:1: workers: it is computed when Gunicorn starts: set pythonProcesses$/,
    ],
  ] as [string, RegExp][])
    it(`does not translate ${line}, and says so`, async () => {
      const { summary, complete } = await conf(line);
      expect(summary).to.match(message);
      expect(complete).to.equal(false);
    });

  it("is refused with its line when it is no Python", () => {
    expect(refusal("gunicorn.conf.py", "a = 1\nb = = 2\n")).to.match(
      /cannot import .*gunicorn\.conf\.py: line 2: invalid syntax/,
    );
  });

  it("is refused where there is no Python to read it", () => {
    const folder = folderWith({ "a.py": "" });
    expect(() => importFile(join(folder, "a.py"), "/no-python")).to.throw(
      /there is no \/no-python; name one by --python/,
    );
  });

  it("with graceful_timeout = 0 ends requests at once", async () => {
    const { settings } = await conf("graceful_timeout = 0", "timeout = 0");
    expect(settings).to.include({ drainTimeout: 0, pythonHarakiri: Infinity });
  });

  it("mounts its application where raw_env has a SCRIPT_NAME", async () => {
    const { settings, complete } = await conf(
      'wsgi_app = "shop:app"',
      'raw_env = ["SCRIPT_NAME=/shop", "A=1"]',
    );
    expect(settings.mount).to.deep.equal(["/shop=python:shop:app"]);
    expect(settings).to.not.have.property("app");
    expect(settings.settings).to.deep.equal({ A: { default: "1" } });
    expect(complete).to.equal(true);
  });

  it("says how to mount an application that it does not name", async () => {
    const { settings, summary } = await conf('raw_env = "SCRIPT_NAME=/shop"');
    expect(settings.settings ?? {}).to.not.have.property("SCRIPT_NAME");
    expect(summary).to.include("--mount /shop=python:app:app");
  });
});

describe("The tables of eddy import", () => {
  it("have every flag of the Uvicorn that is installed", function () {
    const { status, stdout } = spawnSync(PYTHON, ["-m", "uvicorn", "--help"], {
      encoding: "utf8",
    });
    if (status !== 0) return this.skip();
    const flags = [...stdout.matchAll(/^ {2}--([a-z0-9-]+)/gm)];
    const strange = flags
      .map(([, name]) => name!)
      .filter((name) => !["help", "version"].includes(name))
      .filter((name) => ruleFor(UVICORN.rules, name) === undefined);
    expect(flags).to.have.length.above(30);
    expect(strange).to.deep.equal([]);
  });

  it("have every option of the Gunicorn that is installed", function () {
    const names = spawnSync(
      PYTHON,
      [
        "-c",
        "import gunicorn.config as c\nfor s in c.KNOWN_SETTINGS: print(s.name)",
      ],
      { encoding: "utf8" },
    );
    if (names.status !== 0) return this.skip();
    const strange = names.stdout
      .trim()
      .split("\n")
      .filter((name) => ruleFor(GUNICORN.rules, name) === undefined);
    expect(strange).to.deep.equal([]);
  });

  for (const { server, rules } of [UWSGI, GUNICORN, HYPERCORN])
    it(`name an option of ${server} once`, () => {
      const names = Object.keys(rules).flatMap((one) => one.split(", "));
      expect(names).to.deep.equal([...new Set(names)]);
    });
});
