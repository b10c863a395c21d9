/** Every setting, in every way in which it can be given. */
import { chmodSync, chownSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { stringifyTOML, stringifyYAML, stringifyINI } from "confbox";
import { expect } from "chai";
import { answerTo } from "../../../lib/cli/command-line.ts";
import { configure, requiredVariables } from "../../../lib/cli/configure.ts";
import { explain } from "../../../lib/cli/explain.ts";
import {
  flagOf,
  KEYS,
  settingOf,
  variableOf,
  type Key,
} from "../../../lib/cli/schema.ts";
import type { Configuration } from "../../../lib/cli/settings.ts";
import { flagsOf } from "../../support/flags.ts";
import { folderWith } from "../../support/folder.ts";
import { NOBODY } from "../../support/other-user.ts";

const withFlags = async (...args: string[]): Promise<Configuration> =>
  await configure(await flagsOf(...args), { env: {}, folders: [] });

const withVariables = async (env: NodeJS.ProcessEnv): Promise<Configuration> =>
  await configure({}, { env, folders: [] });

async function withFile(name: string, content: string): Promise<Configuration> {
  const folder = folderWith({ [name]: content });
  return await configure({}, { env: {}, folders: [folder] });
}

/** As a user writes it on the command line. */
function asFlag(key: Key, text: string): string[] {
  if (settingOf(key).kind.placeholder !== undefined) return [flagOf(key), text];
  return [text === "false" ? flagOf(key).replace("--", "--no-") : flagOf(key)];
}

async function failure(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("it did not fail");
}

const FORMATS: Record<string, (values: object) => string> = {
  json: (values) => JSON.stringify(values, null, 2),
  yaml: stringifyYAML,
  toml: stringifyTOML,
  ini: stringifyINI,
  ts: (values) =>
    `import { defineConfig } from "eddy/config";\nexport default defineConfig(${JSON.stringify(values)});\n`,
  js: (values) => `export default ${JSON.stringify(values)};\n`,
};

describe("A setting", () => {
  const everywhere = KEYS.filter((key) => !settingOf(key).fileOnly);

  for (const key of everywhere)
    it(`${key} comes from a flag, a variable and a file alike, and is not its default`, async () => {
      const { example, default: fallback, notInFiles } = settingOf(key);
      const folder = folderWith({
        "deploy/eddy.yaml": "",
        "eddy.config.json": JSON.stringify({ [key]: example }),
      });
      const given =
        key === "config" ? join(folder, "deploy/eddy.yaml") : example;
      const byFlag = await withFlags(...asFlag(key, given));
      const byVariable = await withVariables({ [variableOf(key)]: given });
      expect(byFlag.resolved[key].source).to.equal(flagOf(key));
      expect(byVariable.resolved[key].source).to.equal(variableOf(key));
      expect(byFlag.settings[key]).to.deep.equal(byVariable.settings[key]);
      expect(byFlag.settings[key]).to.not.deep.equal(fallback);
      if (notInFiles) return;
      const byFile = await configure({}, { env: {}, folders: [folder] });
      expect(byFile.settings[key]).to.deep.equal(byFlag.settings[key]);
    });

  for (const [format, write] of Object.entries(FORMATS))
    it(`comes from eddy.config.${format}, with its line`, async () => {
      const values = {
        app: "./a.ts",
        workers: 3,
        needApp: false,
        mount: ["/a=b.ts", "/c=d.ts"],
        maxBody: "2MiB",
      };
      const { settings, resolved } = await withFile(
        `eddy.config.${format}`,
        write(values),
      );
      expect(settings).to.include({
        app: "./a.ts",
        workers: 3,
        needApp: false,
        maxBody: 2 * 1024 ** 2,
      });
      expect(settings.mount).to.deep.equal(values.mount);
      const lines = write(values).split("\n");
      const [, line] = /:(\d+)$/.exec(resolved.workers.source)!;
      expect(lines[Number(line) - 1]).to.include("workers");
    });

  it("comes from a default, a file, a variable or a flag, of which the last counts; and tells what it overrode", async () => {
    const system = folderWith({
      "eddy.config.toml": "workers = 2\nmaxBody = '1KiB'\n",
    });
    const own = folderWith({
      "eddy.config.yaml": "# ours\nmaxBody: 2KiB\nworkers: 3\n",
    });
    const configuration = await configure(await flagsOf("--workers", "5"), {
      env: { EDDY_WORKERS: "4", PATH: "/bin" },
      folders: [system, own],
    });
    expect(configuration.settings).to.include({
      workers: 5,
      maxBody: 2048,
      needApp: true,
    });
    const lines = explain(configuration).split("\n");
    const line = (key: string): string =>
      lines.find((it) => it.startsWith(`${key} `))!.replace(/ {2,}/g, " ");
    expect(line("workers")).to.equal(
      `workers 5 --workers, overrode EDDY_WORKERS (4), ${own}/eddy.config.yaml:3 (3), ${system}/eddy.config.toml:1 (2)`,
    );
    expect(line("maxBody")).to.equal(
      `maxBody 2KiB ${own}/eddy.config.yaml:2, overrode ${system}/eddy.config.toml:2 (1KiB)`,
    );
    expect(line("http")).to.equal("http 127.0.0.1:8000 default");
  });

  it("that is secret is not printed", async () => {
    const configuration = await withVariables({
      EDDY_SECRET_KEY: "0123456789abcdef",
    });
    expect(explain(configuration)).to.match(
      /^secretKey +\(set\) +EDDY_SECRET_KEY$/m,
    );
  });

  it("repeats, or has commas", async () => {
    const { settings } = await withFlags(
      "--mount",
      "/a=a.ts",
      "--mount",
      "/b=b.ts,/c=c.ts",
    );
    expect(settings.mount).to.deep.equal(["/a=a.ts", "/b=b.ts", "/c=c.ts"]);
  });

  for (const [given, http] of [
    [[":80", ":81=node", "unix:/run/a.sock=uws"], undefined],
    ["127.0.0.1:80=node, :81", ["127.0.0.1:80=node", ":81"]],
    ["unix:/run/a=b.sock=auto", ["unix:/run/a=b.sock=auto"]],
    [8000, ["8000"]],
    [
      [8000, ":81"],
      ["8000", ":81"],
    ],
    ["none", []],
    [["none"], []],
  ] as [unknown, string[]?][])
    it(`has ${JSON.stringify(given)} for http`, async () => {
      const values = JSON.stringify({ http: given });
      const { settings } = await withFile("eddy.config.json", values);
      expect(settings.http).to.deep.equal(http ?? given);
    });

  it("takes a prefix and a folder for static", async () => {
    const { settings } = await withFlags("--static", "/a=b,/=./c=d");
    expect(settings.static).to.deep.equal(["/a=b", "/=./c=d"]);
    await withFlags("--static", "public").then(
      () => expect.fail("it was taken"),
      (error: Error) =>
        expect(error.message).to.match(/static.*a prefix and a folder/),
    );
  });

  it("reads the app as an argument, also of config", async () => {
    for (const args of [
      ["a.ts", "--workers", "2"],
      ["--workers", "2", "config", "a.ts"],
      ["config", "a.ts", "--workers", "2"],
    ])
      expect((await withFlags(...args)).settings).to.include({
        app: "a.ts",
        workers: 2,
      });
  });

  for (const [text, ms] of [
    ["30s", 30_000],
    ["5m", 300_000],
    ["250ms", 250],
    ["1.5h", 5_400_000],
    ["0", 0],
    ["0s", 0],
    ["0ms", 0],
    ["none", Infinity],
  ] as const)
    it(`${text} is a duration`, async () => {
      expect((await withFlags("--linger", text)).settings.linger).to.equal(ms);
    });

  for (const key of [
    "requestTimeout",
    "bodyTimeout",
    "startTimeout",
    "workerTimeout",
    "pythonHarakiri",
  ] as const)
    it(`${key} is none with 0, in each way to write it`, async () => {
      for (const zero of ["0", "0s"])
        expect((await withFlags(flagOf(key), zero)).settings[key]).to.equal(
          Infinity,
        );
      const { settings } = await withFile("eddy.config.json", `{"${key}": 0}`);
      expect(settings[key]).to.equal(Infinity);
    });

  for (const [given, accessLog] of [
    ["no", "none"],
    ["off", "none"],
    ["false", "none"],
    [false, "none"],
    [true, "-"],
    ["on", "-"],
    ["./no", "./no"],
  ] as const)
    it(`accessLog: ${JSON.stringify(given)} is ${accessLog}, also as a variable`, async () => {
      const values = JSON.stringify({ accessLog: given });
      const byFile = await withFile("eddy.config.json", values);
      expect(byFile.settings.accessLog).to.equal(accessLog);
      const byVariable = await withVariables({
        EDDY_ACCESS_LOG: String(given),
      });
      expect(byVariable.settings.accessLog).to.equal(accessLog);
    });

  for (const [text, bytes] of [
    ["2MiB", 2097152],
    ["2MB", 2097152],
    ["2m", 2097152],
    ["1.5KiB", 1536],
    ["4096B", 4096],
    ["0", 0],
    ["1g", 1073741824],
    ["none", Infinity],
  ] as const)
    it(`${text} is a size`, async () => {
      expect((await withFlags("--max-body", text)).settings.maxBody).to.equal(
        bytes,
      );
    });
});

describe("A setting is refused", () => {
  for (const [args, message] of [
    [
      ["--request-timeout", "30"],
      /^--request-timeout: requestTimeout takes a duration with its unit, .*, not "30"$/,
    ],
    [["--request-timeout", "soon"], /a duration/],
    [["--request-timeout", "-1s"], /a duration/],
    [["--max-body", "2MiBs"], /maxBody takes a size with its unit, such as/],
    [["--max-rss", "512"], /maxRss takes a size with its unit/],
    [["--workers", "-1"], /a whole number from 0, or "auto"/],
    [["--max-requests", "1.5"], /a whole number from 0/],
    [
      ["--log-level", "loud"],
      /takes trace, debug, info, warn, error, fatal or silent, not "loud"/,
    ],
    [["--http", "example.org"], /takes addresses such as ":8000"/],
    [["--http", ":70000"], /^--http: http takes addresses such as/],
    [["--http", ":80=nod"], /with "=node" or "=uws" behind it/],
    [["--http", ":80,none"], /or "none", not \[":80","none"\]$/],
    [["--http", ":80", "--http", ":80"], /each once/],
    [["--uwsgi", "none"], /^--uwsgi: uwsgi takes an address such as/],
    [["--stats", ":70000"], /^--stats: stats takes an address such as/],
    [
      ["--health-check", "healthz"],
      /^--health-check: healthCheck takes a path such as "\/healthz", not "healthz"$/,
    ],
    [
      ["--trust-proxy", "loopback,10.0.0.0/99"],
      /^--trust-proxy: trustProxy takes .*, not \["loopback","10\.0\.0\.0\/99"\]$/,
    ],
    [["--max-headers", "32KiB"], /^--max-headers: .* a size up to "16KiB"/],
    [["--max-headers", "none"], /a size up to "16KiB"/],
    [
      ["--log-format", "commbined"],
      /^--log-format: logFormat takes .*combined or text with directives .*, not "commbined"$/,
    ],
    [["--umask", "9"], /an octal number as text, such as "027", not "9"/],
    [
      ["--secret-key", "short"],
      /^--secret-key: secretKey takes text of 16 characters or more, not what it is given$/,
    ],
  ] as [string[], RegExp][])
    it(args.join(" "), async () => {
      expect(await failure(withFlags(...args))).to.match(message);
    });

  it("but an unknown variable is only a warning, with the name that was meant", async () => {
    const { warnings } = await withVariables({ EDDY_WOKERS: "2" });
    expect(warnings).to.deep.equal([
      "there is no setting EDDY_WOKERS (did you mean EDDY_WORKERS?)",
    ]);
  });

  for (const name of ["EDDY_PORT", "EDDY_HOST", "EDDY_BIND"])
    it(`and ${name} is told where an address goes`, async () => {
      const { warnings } = await withVariables({ [name]: "8080" });
      expect(warnings).to.deep.equal([
        `there is no setting ${name}: the address is in http, such as "127.0.0.1:8000" (EDDY_HTTP, --http)`,
      ]);
    });

  it("but what Kubernetes sets for Services named eddy and eddy-http is none", async () => {
    const { settings, warnings } = await withVariables({
      EDDY_PORT: "tcp://10.0.0.7:80",
      EDDY_PORT_80_TCP: "tcp://10.0.0.7:80",
      EDDY_PORT_80_TCP_ADDR: "10.0.0.7",
      EDDY_PORT_80_TCP_PORT: "80",
      EDDY_PORT_80_TCP_PROTO: "tcp",
      EDDY_SERVICE_HOST: "10.0.0.7",
      EDDY_SERVICE_PORT: "80",
      EDDY_SERVICE_PORT_HTTP: "80",
      EDDY_HTTP_PORT: "udp://10.0.0.8:53",
      EDDY_HTTP_SERVICE_HOST: "10.0.0.8",
      EDDY_HTTP: ":9000",
    });
    expect(warnings).to.deep.equal([]);
    expect(settings.http).to.deep.equal([":9000"]);
  });

  it("in a file, all that is wrong at once, each with its line", async () => {
    const message = await failure(
      withFile(
        "eddy.config.yaml",
        "workers: 2\nmaxBdy: 1MiB\nlogLevel: loud\nzzzzzzzzzz: 1\n",
      ),
    );
    expect(message).to.match(
      /eddy\.config\.yaml:3: logLevel takes .*\n.*eddy\.config\.yaml:2: there is no setting maxBdy \(did you mean maxBody\?\)\n.*eddy\.config\.yaml:4: there is no setting zzzzzzzzzz$/,
    );
  });

  it("but an unknown one is only a warning without --strict", async () => {
    const { warnings, settings } = await withFile(
      "eddy.config.json",
      '{ "strict": false, "wokers": 2 }',
    );
    expect(settings.workers).to.equal(1);
    expect(warnings[0]).to.match(
      /there is no setting wokers \(did you mean workers\?\)$/,
    );
  });

  for (const [name, content, message] of [
    [
      "eddy.config.json",
      '{ "workers": ',
      /eddy\.config\.json:1:14 is not valid JSON: invalid end of input$/,
    ],
    [
      "eddy.config.yaml",
      "a: [1\nb: 2",
      /eddy\.config\.yaml:2:1 is not valid YAML: deficient indentation$/,
    ],
    [
      "eddy.config.toml",
      "\na = \n",
      /eddy\.config\.toml:2:5 is not valid TOML: invalid value$/,
    ],
    ["eddy.config.toml", "umask = 0o27\n", /as text, such as "027", not 23$/],
    [
      "eddy.config.yaml",
      "secretKey: 1234567890123456\n",
      /:1: secretKey takes text .*, not what it is given$/,
    ],
    [
      "eddy.config.ini",
      "mount = /a=a.ts\n[settings.A]\nrequired = true\n[settings.B]\nrequired = true\nrequired = false\n",
      /\.ini:6 is not valid INI: required stands there twice; a list has commas$/,
    ],
    ["eddy.config.yaml", "- 1\n", /this is not a table of settings/],
    [
      "eddy.config.js",
      "export const workers = 2;",
      /this is not a table of settings/,
    ],
    [
      "eddy.config.ts",
      "\nthrow new Error('no');",
      /eddy\.config\.ts does not load: Error: no\n {2}at .*eddy\.config\.ts:2$/,
    ],
  ] as [string, string, RegExp][])
    it(`with ${name}: ${content.trim()}`, async () => {
      expect(await failure(withFile(name, content))).to.match(message);
    });

  for (const [name, content] of [
    ["yaml", "secretKey: SECRET\nworkers: [1\nhttp: a\n"],
    ["yaml", 'secretKey: "SECRET\nworkers: 1\n'],
    ["yaml", "secretKey: SECRET: x\nworkers: 1\n"],
    ["yaml", "secretKey: @SECRET\n"],
    ["yaml", "secretKey: SECRET\nsecretKey: SECRET\n"],
    ["yaml", "secretKey: *SECRET\n"],
    ["yaml", "secretKey: !SECRET x\n"],
    ["yaml", "secretKey: !SECRET^|x x\n"],
    ["yaml", "secretKey: !SECRET!SECRET x\n"],
    ["yaml", "secretKey: !!int SECRET\n"],
    ["yaml", "http:\n  secretKey: SECRET\n"],
    ["yaml", "mount:\n  - secretKey: SECRET\n"],
    ["yaml", "settings: { DATABASE_URL: { default: SECRET, requierd: true } }"],
    ["yaml", "SECRET"],
    ["toml", 'secretKey = "SECRET"\nworkers = \n'],
    ["toml", 'secretKey = "SECRET\nworkers = 1\n'],
    ["toml", 'workers = \nsecretKey = "SECRET"\n'],
    ["toml", "secretKey = SECRET\n"],
    ["toml", "secretKey = 1-SECRET\n"],
    ["toml", 'secretKey = "SECRET" x\n'],
    ["json", '{"secretKey": "SECRET",\n "workers": }'],
    ["json", '{"workers": x, "secretKey": "SECRET" }'],
    ["json", '{"secretKey": "SECRET'],
    ["json", '{"secretKey": SECRET}'],
    ["json", '{"secretKey" "SECRET"}'],
    ["ini", "secretKey = SECRET\nsecretKey = SECRET\n"],
    ["ts", "export default { secretKey: 'SECRET' workers: 1 }"],
    ["ts", "export default { secretKey: 'SECRET\n}"],
    ["js", "export default { secretKey: 'SECRET' workers: 1 }"],
    ["js", "export default { secretKey: 'SECRET', workers: 1 }}"],
  ] as const)
    it(`in a file, is told without secrets that stand there: ${name}: ${content.trim()}`, async () => {
      const error = await withFile(`eddy.config.${name}`, content).then(
        () => undefined,
        (error: Error) => error,
      );
      expect(error?.message).to.include("eddy.config");
      expect(inspect(error, { depth: 9 })).to.not.include("SECRET");
    });

  const ALONE = { args: [], commands: [] };

  it("in a flag, is told without what it was given", async () => {
    const said = await failure(withFlags("--secret-kye=SECRET"));
    expect(await answerTo(said, ALONE)).to.equal(
      "error: unknown option '--secret-kye'",
    );
  });

  it("says that a flag which stands alone takes no value", async () => {
    expect(
      await answerTo("error: unknown option '--reload=yes'", ALONE),
    ).to.equal("error: --reload takes no value");
  });

  it("but a file may have comments alone, and an INI file a list line by line", async () => {
    for (const [name, content] of [
      ["eddy.config.yaml", "# workers: 4\r\n\n"],
      ["eddy.config.ini", "\uFEFF; workers = 4\n"],
    ] as const)
      expect((await withFile(name, content)).settings.workers).to.equal(1);
    const { settings } = await withFile(
      "eddy.config.ini",
      "mount[] = /a=a.ts\nmount[] = /b=b.ts\n",
    );
    expect(settings.mount).to.deep.equal(["/a=a.ts", "/b=b.ts"]);
  });

  it("when two files of one folder could be meant", async () => {
    const folder = folderWith({
      "eddy.config.json": "{}",
      "eddy.config.toml": "",
    });
    expect(
      await failure(configure({}, { env: {}, folders: [folder] })),
    ).to.match(
      /several config files in .*: eddy\.config\.json, eddy\.config\.toml\nkeep one of them, or choose one by --config/,
    );
  });

  it("when another user has put the file where everybody may write", async function () {
    if (process.getuid?.() !== 0) this.skip();
    const folder = folderWith({ "eddy.config.js": "throw 'it was run';" });
    const file = join(folder, "eddy.config.js");
    chownSync(file, NOBODY, NOBODY);
    const found = { env: {}, folders: [folder] };
    expect(await failure(configure({}, found))).to.include("it was run");
    chmodSync(folder, 0o1777);
    expect(await failure(configure({}, found))).to.equal(
      `${file} is another user's, in a folder where everybody may write; if it is meant, choose it by --config`,
    );
    expect(await failure(configure({ config: file }, found))).to.include(
      "it was run",
    );
    chownSync(file, 0, 0);
    expect(await failure(configure({}, found))).to.include("it was run");
  });

  for (const name of ["eddy.config.yml", "eddy.config.mjs"])
    it(`in ${name}, which is of no known kind`, async () => {
      expect(await failure(withFile(name, ""))).to.match(
        /\/eddy\.config\.\w+: a config file ends with \.ts, \.js, \.json, \.yaml, \.toml, \.ini$/,
      );
    });

  it("not in copies of a config file, nor in a folder that is missing", async () => {
    const copies = folderWith({
      "eddy.config.yaml~": "workers: 9",
      "eddy.config.yaml.bak": "workers: 9",
      "eddy.config.d.ts": "",
    });
    const { settings } = await configure(
      {},
      { env: {}, folders: [join(copies, "missing"), copies] },
    );
    expect(settings.workers).to.equal(1);
  });

  it("where nobody can look for config files", async () => {
    const folder = join(folderWith({ file: "" }), "file");
    expect(
      await failure(configure({}, { env: {}, folders: [folder] })),
    ).to.match(/^cannot look for config files: ENOTDIR.*\nchoose one by/);
  });

  it("when the file that --config names is missing, or of no known kind", async () => {
    expect(await failure(withFlags("--config", "nowhere.yaml"))).to.match(
      /cannot read the config file nowhere\.yaml: ENOENT/,
    );
    const folder = folderWith({ "eddy.xml": "" });
    expect(
      await failure(withFlags("--config", join(folder, "eddy.xml"))),
    ).to.match(
      /a config file ends with \.ts, \.js, \.json, \.yaml, \.toml, \.ini/,
    );
  });
});

describe("What an application needs", () => {
  const asked = JSON.stringify({
    settings: {
      DATABASE_URL: { required: true, description: "where the data is" },
      API_KEY: { required: true },
      REGION: { required: true, default: "eu" },
      NOTE: {},
    },
  });

  it("is named when it is missing, all at once", async () => {
    const configuration = await withFile("eddy.config.json", asked);
    expect(() => requiredVariables(configuration, {})).to.throw(
      /needs variables that are not set \(.*eddy\.config\.json:1\):\n {2}DATABASE_URL: where the data is\n {2}API_KEY$/,
    );
  });

  it("is there with its default", async () => {
    const configuration = await withFile("eddy.config.json", asked);
    const env = { DATABASE_URL: "x", API_KEY: "y" };
    expect(requiredVariables(configuration, env)).to.deep.equal({
      REGION: "eu",
    });
  });

  it("cannot be asked for by a flag or a variable", async () => {
    const { warnings } = await withVariables({ EDDY_SETTINGS: "{}" });
    expect(warnings[0]).to.match(/there is no setting EDDY_SETTINGS/);
  });
});
