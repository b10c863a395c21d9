/** What the docs promise that can be checked. docs/errors.md has its test beside lib/errors.ts. */
import { commandLine, type Actions } from "../lib/cli/command-line.ts";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { withTables } from "./support/import-tables.ts";
import { settingsPageNow } from "./support/settings-page.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");
const pages = [
  "README.md",
  "SECURITY.md",
  "samples/README.md",
  ...readdirSync(join(ROOT, "docs")).map((file) => `docs/${file}`),
];

describe("The docs", () => {
  for (const page of pages)
    it(`${page} links to pages that exist`, () => {
      const targets = [...read(page).matchAll(/\]\((?!https?:)([^)#]+)/g)].map(
        ([, target]) => target!,
      );
      const missing = targets.filter(
        (target) => !existsSync(join(ROOT, dirname(page), target)),
      );
      expect(missing).to.deep.equal([]);
    });

  it("README.md has the test command that CI runs", () => {
    expect(read("README.md")).to.include("npm ci && npm test");
    expect(read(".ci/run")).to.include("npm ci && npm test");
  });

  it("SECURITY.md names a test for each claim, and each is there", () => {
    const claims = [...read("SECURITY.md").matchAll(/^\| (?!-|what)(.*)\|$/gm)];
    expect(claims).to.have.length.above(20);
    const named = claims.map(([, claim]) =>
      [...claim!.matchAll(/`((?:test|tools)\/[^`]+)`/g)].map(
        ([, path]) => path!,
      ),
    );
    expect(claims.filter((_, i) => named[i]!.length === 0)).to.deep.equal([]);
    const missing = named
      .flat()
      .filter((path) => !existsSync(join(ROOT, path)));
    expect(missing).to.deep.equal([]);
  });

  it("docs/operations.md lists every option", () => {
    const options = [
      ...read("lib/loop/options.ts").matchAll(/^ {2}(\w+)\?: /gm),
    ].map(([, name]) => name!);
    expect(options).to.include("drainTimeoutMs");
    const page = read("docs/operations.md");
    expect(
      options.filter((name) => !page.includes(`\`${name}\``)),
    ).to.deep.equal([]);
  });

  it("docs/settings.md is the table of settings; otherwise: npm run docs", async () => {
    expect(read("docs/settings.md")).to.equal(await settingsPageNow());
  });

  it("docs/python.md has the tables of eddy import; otherwise: npm run docs", async () => {
    const page = read("docs/python.md");
    expect(page).to.equal(await withTables(page));
  });

  for (const [topic, file, one] of [
    ["threads", "adapters/wsgi/threads/options.ts", "threadTimeoutMs"],
    ["python", "adapters/python/options.ts", "harakiriMs"],
    ["fetch", "adapters/fetch.ts", "lightResponse"],
  ] as const)
    it(`docs/${topic}.md lists every option in ${file}`, () => {
      const options = [...read(file).matchAll(/^ {2}(\w+)\??: .*;$/gm)].map(
        ([, name]) => name!,
      );
      expect(options).to.include(one);
      const page = read(`docs/${topic}.md`);
      expect(
        options.filter((name) => !page.includes(`\`${name}\``)),
      ).to.deep.equal([]);
    });

  it("docs/uwsgi.md lists every option of servers behind the loop", () => {
    const options = ["lib/upstream/options.ts", "adapters/http.ts"].flatMap(
      (file) => [...read(file).matchAll(/^ {2}(\w+)\?: .*;$/gm)],
    );
    expect(options.map(([, name]) => name)).to.include("failTimeoutMs");
    const page = read("docs/uwsgi.md");
    expect(
      options.filter(([, name]) => !page.includes(`\`${name}\``)),
    ).to.deep.equal([]);
  });

  it("docs/requests.md lists every member of a request", () => {
    const [, source] = read("lib/request/request.ts").split(
      "export class GatewayRequest",
    );
    const members = [
      ...source!.matchAll(
        /^ {2}(?:get |readonly )?([a-z]\w*)(?:\(.*\{|: .*;)$/gm,
      ),
    ]
      .map(([, name]) => name!)
      .filter((name) => name !== "constructor");
    expect(members).to.include.members(["lastEventId", "draining", "method"]);
    const page = read("docs/requests.md");
    expect(
      members.filter((name) => !new RegExp(`\`${name}[\`(]`).test(page)),
    ).to.deep.equal([]);
  });

  it("commands on all pages have flags that there are", () => {
    const { options } = commandLine("0", {} as Actions);
    const flags = new Set(options.map(({ long }) => long));
    const blocks = pages.flatMap((page) => [
      ...read(page).matchAll(/^```sh\n([^]*?)^```$/gm),
    ]);
    const lines = blocks.flatMap(([, block]) => block!.split("\n"));
    const commands = lines.filter((line) =>
      /^(?:\w+=\S+ |npx )*eddy (?!import|top)/.test(line),
    );
    const used = commands.flatMap(
      (line) => line.split(" #")[0]!.match(/--[a-z-]+/g) ?? [],
    );
    expect(used).to.include("--http");
    const unknown = used.filter(
      (flag) => !flags.has(flag) && !flags.has(flag.replace("--no-", "--")),
    );
    expect(unknown).to.deep.equal([]);
  });

  it("docs/design.md names every file of lib", () => {
    const files = readdirSync(join(ROOT, "lib"), {
      recursive: true,
      encoding: "utf8",
    }).filter((file) => file.endsWith(".ts"));
    const page = read("docs/design.md");
    expect(files.filter((file) => !page.includes(`\`${file}\``))).to.deep.equal(
      [],
    );
  });
});
