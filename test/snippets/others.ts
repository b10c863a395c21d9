/** Blocks that are no programs of ours: of a page in a browser, of Python, of nginx, data, and what is printed. */
import { chmodSync, copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Script, createContext } from "node:vm";
import { expect } from "chai";
import { EventSource } from "eventsource";
import { python as pythonApp } from "../../adapters/python.ts";
import { configure, requiredVariables } from "../../lib/cli/configure.ts";
import { examine } from "../../lib/cli/doctor/doctor.ts";
import { flagsOf } from "../../lib/cli/doctor/setup.ts";
import type { Settings } from "../../lib/cli/schema.ts";
import { Loop } from "../../lib/index.ts";
import { CERTIFICATE } from "../support/certificate.ts";
import { afterTest } from "../support/hooks.ts";
import { freePort } from "../support/free-port.ts";
import { NGINX_MISSING, nginxRefuses } from "../support/nginx.ts";
import { missingModules, PYTHON } from "../support/python.ts";
import { ask, type Asked } from "./asking.ts";
import { expectTests, type Entry, type Here } from "./entry.ts";
import { running } from "./program.ts";

/** A script of a page that the loop of another block has sent to a browser. It prints this first. */
export const inBrowser = (server: number, printed: unknown): Entry => ({
  language: "js",
  async test({ text, other }) {
    await running(other(server), async ({ loop }) => {
      class OfPage extends EventSource {
        constructor(path: string) {
          super(new URL(path, "http://localhost"), {
            fetch: (url, init) => loop!.fetch(String(url), init as RequestInit),
          });
          afterTest(() => this.close());
        }
      }
      const first = await new Promise((log) =>
        new Script(text).runInContext(
          createContext({ EventSource: OfPage, console: { log } }),
        ),
      );
      expect(first).to.equal(printed);
    });
  },
});

/** A file `app.py`, whose `app` python() runs. `modules`: what it imports. */
export const python = (
  modules: readonly string[],
  asks: readonly Asked[],
): Entry => ({
  language: "python",
  missing: () => missingModules(...modules),
  async test({ text, folder }) {
    writeFileSync(join(folder, "app.py"), text);
    const app = pythonApp("app:app", { chdir: folder, python: PYTHON });
    const loop = new Loop({ log: false }).mount(app);
    try {
      for (const one of asks)
        await ask((path, init) => loop.fetch(path, init), one);
    } finally {
      await loop.close();
    }
  },
});

/** What `make` makes of the page is this. */
export const json = (
  make: (here: Here, shown: Record<string, unknown>) => Promise<unknown>,
): Entry => ({
  language: "json",
  async test(here) {
    const shown = JSON.parse(here.text) as Record<string, unknown>;
    expect(await make(here, shown)).to.deep.equal(shown);
  },
});

/**
 * A site, or a part of one, which nginx takes, and of which the doctor finds this for an eddy of these flags. `tests`
 * have it in front of one.
 */
export const nginx = (
  flags: string,
  finds: readonly string[],
  ...tests: string[]
): Entry => ({
  language: "nginx",
  missing: () => NGINX_MISSING,
  async test(here) {
    const site = await siteOf(here);
    expect(nginxRefuses(site)).to.equal("");
    const file = join(here.folder, "site.conf");
    writeFileSync(file, site);
    const { findings, missed } = await examine(
      await flagsOf(flags.split(" ")),
      [file],
    );
    expect(findings.map(({ code }) => code)).to.deep.equal(finds);
    expect(missed).to.deep.equal([]);
    expectTests(tests);
  },
});

/** Whole, with a port, certificates and files that are there. */
async function siteOf({ text, folder }: Here): Promise<string> {
  const key = join(folder, "key.pem");
  copyFileSync(CERTIFICATE.key, key);
  chmodSync(key, 0o600);
  const site = /^server \{/m.test(text)
    ? text
    : `server {\n  listen 80;\n${text}}\n`;
  return site
    .replace(/listen (?:80|443)/, `listen 127.0.0.1:${await freePort()}`)
    .replace(/(ssl_certificate) .*/, `$1 ${CERTIFICATE.cert};`)
    .replace(/(ssl_certificate_key) .*/, `$1 ${key};`)
    .replace("include uwsgi_params", "include /etc/nginx/uwsgi_params");
}

/** A config file in TypeScript: what it gives, and which variables it asks for. */
export const config = (
  settings: Partial<Settings>,
  required: Readonly<Record<string, string>>,
): Entry => ({
  language: "ts",
  sources: ({ text }) => ({ "eddy.config.ts": text }),
  async test({ folder }) {
    const path = join(folder, "eddy.config.js"); // as it was compiled
    const sources = { env: {}, folders: [] };
    const configuration = await configure({ config: path }, sources);
    expect(configuration.settings).to.deep.include(settings);
    for (const [name, description] of Object.entries(required))
      expect(() => requiredVariables(configuration, {})).to.throw(
        `  ${name}: ${description}`,
      );
  },
});

/** What is printed, but for the width of columns. */
export const printed = (
  make: (here: Here) => string | Promise<string>,
  language = "",
): Entry => ({
  language,
  async test(here) {
    expect(spaced(await make(here))).to.equal(spaced(here.text));
  },
});

const spaced = (text: string): string =>
  text.trim().replaceAll(/(?<=\S) {2,}/g, "  ");

/** Made by a program, and compared by this test. */
export const made = (language: string, ...tests: string[]): Entry => ({
  language,
  test: () => expectTests(tests),
});
