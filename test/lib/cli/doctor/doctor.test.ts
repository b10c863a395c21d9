/** `eddy doctor`: wrong configurations, of which each says what is to be found; and right ones. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import {
  examine,
  exitCodeOf,
  report,
  type Diagnosis,
} from "../../../../lib/cli/doctor/doctor.ts";
import { CODES } from "../../../../lib/cli/doctor/finding.ts";
import { versionFinding } from "../../../../lib/cli/doctor/machine.ts";
import { flagsOf } from "../../../../lib/cli/doctor/setup.ts";
import { folderWith } from "../../../support/folder.ts";
import { ROOT } from "../../../support/root.ts";

const WRONG = join(ROOT, "test/lib/cli/doctor/wrong");
const SAMPLES = join(ROOT, "samples/deploy");

/** As Debian's packages bring them. */
const PACKAGED = [
  "/etc/nginx/nginx.conf",
  "/etc/nginx/sites-available/default",
  "/etc/nginx/proxy_params",
  "/etc/haproxy/haproxy.cfg",
  "/etc/apache2/apache2.conf",
  "/etc/lighttpd/lighttpd.conf",
  "/etc/varnish/default.vcl",
  "/lib/systemd/system/nginx.service",
  "/lib/systemd/system/haproxy.service",
  "/lib/systemd/system/lighttpd.service",
  "/lib/systemd/system/varnish.service",
];

const codesOf = ({ findings }: Diagnosis): string[] =>
  findings.map(({ code }) => code).sort();

async function examined(
  text: string,
  file: string,
  flags = "",
): Promise<Diagnosis> {
  const folder = folderWith({ [file]: text });
  const words = flags.split(" ").filter(Boolean);
  return await examine(await flagsOf(words), [join(folder, file)]);
}

describe("eddy doctor", () => {
  for (const name of readdirSync(WRONG))
    it(`finds what is wrong with ${name}, and nothing else`, async () => {
      const path = join(WRONG, name);
      const text = readFileSync(path, "utf8");
      const said = (what: string): string[] =>
        new RegExp(`^# ${what}: (.*)`, "m").exec(text)?.[1]?.split(" ") ?? [];
      const diagnosis = await examine(await flagsOf(said("with")), [path]);
      expect(codesOf(diagnosis)).to.deep.equal(said("finds").sort());
      expect(diagnosis.missed).to.deep.equal([]);
    });

  for (const name of readdirSync(SAMPLES))
    it(`finds nothing wrong with samples/deploy/${name}`, async () => {
      for (const flags of [[], ["app.ts", "--trust-proxy", "loopback"]]) {
        const uwsgi = name.includes("uwsgi")
          ? ["--uwsgi", "127.0.0.1:8000"]
          : [];
        const given = await flagsOf(
          flags.length > 0 ? [...flags, ...uwsgi] : [],
        );
        expect(
          await examine(given, [join(SAMPLES, name)]),
        ).to.have.deep.property("findings", []);
      }
    });

  for (const path of PACKAGED)
    it(`finds nothing wrong with ${path}`, async function () {
      if (!existsSync(path)) this.skip();
      expect((await examine({}, [path])).findings).to.deep.equal([]);
    });

  it("says of each finding where, what and what to do, and how many there are", async () => {
    const diagnosis = await examine({}, [
      join(WRONG, "nginx-default-http.conf"),
    ]);
    const [where, todo, code, sum] = report(diagnosis).split("\n");
    expect(where).to.match(
      /nginx-default-http\.conf:\d+: nginx speaks HTTP\/1\.0/,
    );
    expect(todo).to.include("proxy_http_version 1.1;");
    expect(code).to.include("front-http-1.0, docs/doctor.md#front-http-10");
    expect(sum).to.equal("1 finding");
  });

  it("takes the headers of files that nginx includes, and does not guess those that are not here", async () => {
    const site = (include: string): string =>
      `server { location / { proxy_http_version 1.1; include ${include}; proxy_pass http://127.0.0.1:8000; } }`;
    const folder = folderWith({
      "site.conf": site("headers.conf"),
      "headers.conf": "proxy_set_header Host $host;",
      "other.conf": site("snippets/elsewhere.conf"),
    });
    const found = async (name: string): Promise<string[]> =>
      codesOf(await examine({}, [join(folder, name)]));
    expect(await found("site.conf")).to.deep.equal(["front-forwarded-for"]);
    expect(await found("other.conf")).to.deep.equal([]);
  });

  it("looks at the proxies that lead to the address in the settings alone, where there is one", async () => {
    const text =
      "server { location /old { proxy_pass http://127.0.0.1:9000; } " +
      'location / { proxy_http_version 1.1; proxy_set_header Host $host; proxy_set_header X-Forwarded-For ""; ' +
      'proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host ""; proxy_pass http://127.0.0.1:8000; } }';
    const flags = "app.ts --http :8000 --trust-proxy loopback";
    expect(codesOf(await examined(text, "site.conf", flags))).to.deep.equal([]);
    expect(codesOf(await examined(text, "site.conf"))).to.include(
      "front-http-1.0",
    );
  });

  it("serves HTTP/1.0 of nginx with the engine node, also where a single address has it", async () => {
    const path = join(WRONG, "nginx-default-http.conf");
    for (const flags of ["--engine node", "--http :8000=node"]) {
      const words = [...flags.split(" "), "--trust-proxy", "loopback"];
      const codes = codesOf(await examine(await flagsOf(words), [path]));
      expect(codes).to.not.include("front-http-1.0");
    }
  });

  it("says of a file that has nothing of eddy that it did not look at it", async () => {
    const diagnosis = await examined("hello: world\n", "notes.txt");
    expect(diagnosis.findings).to.deep.equal([]);
    expect(diagnosis.missed).to.have.lengthOf(1);
    expect(exitCodeOf(diagnosis)).to.equal(2);
    expect(report(diagnosis)).to.match(
      /notes\.txt: nothing in it is about eddy.*\nnothing found, and not everything was looked at$/,
    );
  });

  it("takes a Node.js that is too old for a finding, by as many numbers as somebody writes", () => {
    const old = (version: string): boolean =>
      versionFinding("here", version).length > 0;
    expect(["18", "20.19.1", "20.9", "19.99.9"].filter(old)).to.have.lengthOf(
      4,
    );
    expect(
      ["20", "20.19.2", "20.20", "22", "26.1.0"].filter(old),
    ).to.deep.equal([]);
  });

  it("looks at this machine where no file is named, and says which eddy it did not look at", async () => {
    const { findings, notes } = await examine({}, []);
    expect(
      findings.filter(({ where }) => where !== "this machine"),
    ).to.deep.equal([]);
    expect(notes.join()).to.include("--stats");
  });

  it("says what is wrong with files of TLS", async () => {
    const flags = await flagsOf([
      "--tls-cert",
      "/none.pem",
      "--tls-key",
      "/none.key",
    ]);
    const { findings } = await examine(flags, []);
    expect(findings.map(({ code }) => code)).to.include("tls-files");
  });

  it("docs/doctor.md has a paragraph for each code, and no other", () => {
    const page = readFileSync(join(ROOT, "docs/doctor.md"), "utf8");
    const headings = [...page.matchAll(/^### `(.*)`\n\n\S/gm)].map(
      ([, code]) => code,
    );
    expect(headings).to.have.members(CODES);
  });
});
