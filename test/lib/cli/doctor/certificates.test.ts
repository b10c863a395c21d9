/** What `eddy doctor` says of certificates and keys, whoever shows them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { examine } from "../../../../lib/cli/doctor/doctor.ts";
import type { Code } from "../../../../lib/cli/doctor/finding.ts";
import { flagsOf } from "../../../../lib/cli/doctor/setup.ts";
import {
  makeCertificate,
  OPENSSL_MISSING,
} from "../../../support/certificates.ts";
import { folderWith } from "../../../support/folder.ts";
import { chmodSync, writeFileSync } from "node:fs";

const SITE = `proxy_http_version 1.1; proxy_set_header Host $host; proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Forwarded-For $remote_addr; location / { proxy_pass http://127.0.0.1:8000; }`;

const site = (lines: string): string =>
  `server { listen 443 ssl; ${lines} ${SITE} }\n`;

const haproxy = (line: string, first = ""): string =>
  `global\n  maxconn 100\n${first}\ndefaults\n  mode http\nfrontend www\n  option forwardfor\n  http-request set-header X-Forwarded-Proto https\n  bind :443 ssl ${line}\n  default_backend app\nbackend app\n  server one 127.0.0.1:8000\n`;

/** `name.pem` and `name.key.pem` of each; `own` has signed itself. */
const LEAVES = {
  own: {},
  old: { days: -1 },
  locked: { passphrase: "a passphrase" },
  signed: { signedBy: "issuing" },
  direct: { signedBy: "root" },
} as const;

interface Case {
  readonly files?: Readonly<Record<string, string>>;
  /** Files made of others. */
  readonly joined?: Readonly<Record<string, readonly string[]>>;
  readonly given?: readonly string[];
  readonly finds?: readonly Code[];
  readonly notes?: string;
  readonly todo?: string;
  readonly mode?: number;
}

const PAIR = (name: string): string =>
  `ssl_certificate tls/${name}.pem; ssl_certificate_key tls/${name}.key.pem;`;

const CASES: Readonly<Record<string, Case>> = {
  "a right pair": { files: { "site.conf": site(PAIR("own")) } },
  "one that has expired": {
    files: { "site.conf": site(PAIR("old")) },
    finds: ["tls-expires"],
    todo: "nginx -s reload",
  },
  "a certificate of http, for all": {
    files: {
      "nginx.conf": `events {} http { ${PAIR("old")} ${site("")} }`,
    },
    finds: ["tls-expires"],
  },
  "two, of which the second has the first one's key": {
    files: {
      "site.conf": site(
        "ssl_certificate tls/old.pem; ssl_certificate_key tls/old.key.pem; ssl_certificate tls/own.pem; ssl_certificate_key tls/old.key.pem;",
      ),
    },
    finds: ["tls-expires", "tls-files"],
    todo: "openssl pkey -pubout -in",
  },
  "one file in two servers": {
    files: { "site.conf": site(PAIR("old")) + site(PAIR("old")) },
    finds: ["tls-expires"],
  },
  "a file that is none": {
    files: {
      "site.conf": site(
        "ssl_certificate tls/none.pem; ssl_certificate_key tls/own.key.pem;",
      ),
      "tls/none.pem": "none\n",
    },
    finds: ["tls-files"],
  },
  "files that are not here": {
    files: {
      "site.conf": site(PAIR("missing")),
    },
    notes: "missing.pem cannot be read here",
  },
  "one of an authority of one's own, whose clients know it": {
    files: {
      "site.conf": site(
        "ssl_certificate alone/cert.pem; ssl_certificate_key tls/direct.key.pem; ssl_client_certificate tls/root.pem;",
      ),
    },
    joined: { "alone/cert.pem": ["direct"] },
  },
  "one whose authority nobody here knows": {
    files: {
      "site.conf": site(
        "ssl_certificate alone/cert.pem; ssl_certificate_key tls/direct.key.pem;",
      ),
    },
    joined: { "alone/cert.pem": ["direct"] },
    finds: ["tls-chain"],
  },
  "a name of variables": {
    files: {
      "site.conf": site(
        "ssl_certificate tls/$ssl_server_name.pem; ssl_certificate_key tls/$ssl_server_name.key;",
      ),
    },
  },
  "a key with a passphrase": {
    files: {
      "site.conf": site(`${PAIR("locked")} ssl_password_file tls/words;`),
    },
  },
  "a key with one that nobody gives": {
    files: { "site.conf": site(PAIR("locked")) },
    finds: ["tls-files"],
  },
  "authorities of clients, all of which have expired": {
    files: {
      "site.conf": site(
        `${PAIR("own")} ssl_client_certificate tls/old.pem; ssl_verify_client on;`,
      ),
    },
    finds: ["tls-expires"],
  },
  "authorities, of which one has": {
    files: {
      "site.conf": site(`${PAIR("own")} ssl_trusted_certificate tls/all.pem;`),
    },
    joined: { "tls/all.pem": ["old", "root"] },
  },
  "a key that all can read": {
    files: { "site.conf": site(PAIR("own")) },
    mode: 0o644,
    finds: ["tls-key-readable"],
  },
  "a certificate without its intermediate, which lies beside": {
    files: { "site.conf": site(PAIR("signed")) },
    finds: ["tls-chain"],
    todo: "issuing.pem",
  },
  "one with it": {
    files: {
      "site.conf": site(
        "ssl_certificate tls/full.pem; ssl_certificate_key tls/signed.key.pem;",
      ),
    },
    joined: { "tls/full.pem": ["signed", "issuing"] },
  },
  "one with another's": {
    files: {
      "site.conf": site(
        "ssl_certificate tls/full.pem; ssl_certificate_key tls/signed.key.pem;",
      ),
    },
    joined: { "tls/full.pem": ["signed", "own"] },
    finds: ["tls-chain"],
  },
  "one of an authority of one's own, which lies beside": {
    files: { "site.conf": site(PAIR("direct")) },
  },
  "HAProxy, certificate and key in one": {
    files: { "haproxy.cfg": haproxy("crt tls/both.pem") },
    joined: { "tls/both.pem": ["old", "old.key"] },
    finds: ["tls-expires"],
    todo: "haproxy",
  },
  "HAProxy, the key beside": {
    files: { "haproxy.cfg": haproxy("crt tls/both.pem") },
    joined: { "tls/both.pem": ["own"], "tls/both.pem.key": ["old.key"] },
    finds: ["tls-files"],
  },
  "HAProxy, a folder of them": {
    files: { "haproxy.cfg": haproxy("crt certs") },
    joined: {
      "certs/one.pem": ["own", "own.key"],
      "certs/two.pem": ["old", "old.key"],
    },
    finds: ["tls-expires"],
  },
  "HAProxy, a list of them": {
    files: {
      "haproxy.cfg": haproxy("crt-list certs/list"),
      "certs/list": "# all\none.pem [alpn h2] *.example.org\ntwo.pem\n",
    },
    joined: {
      "certs/one.pem": ["own.key", "own"],
      "certs/two.pem": ["old", "old.key"],
    },
    finds: ["tls-expires"],
  },
  "HAProxy, elsewhere": {
    files: {
      "haproxy.cfg": haproxy("crt shop.pem", "  crt-base /none"),
    },
    notes: "/none/shop.pem cannot be read here",
  },
  "a certificate that somebody names": {
    given: ["tls/old.pem"],
    finds: ["tls-expires"],
  },
};

describe("eddy doctor, of certificates", () => {
  const pem = new Map<string, string>();

  before(function () {
    if (OPENSSL_MISSING) return;
    const folder = folderWith({});
    const make = (name: string, wanted: object): void => {
      const { cert, key } = makeCertificate(folder, name, {
        names: [`${name}.example.org`],
        ...wanted,
      });
      pem.set(name, readFileSync(cert, "utf8"));
      pem.set(`${name}.key`, readFileSync(key, "utf8"));
    };
    make("root", {});
    make("issuing", { signedBy: "root" });
    for (const [name, wanted] of Object.entries(LEAVES)) make(name, wanted);
  });

  function folderOf({ files = {}, joined = {}, mode = 0o600 }: Case): string {
    const all = Object.fromEntries(
      [...pem].map(([name, text]) => [`tls/${name}.pem`, text]),
    );
    const made = Object.entries(joined).map(([file, parts]) => [
      file,
      parts.map((part) => pem.get(part)).join(""),
    ]);
    const folder = folderWith({
      ...all,
      ...(Object.fromEntries(made) as Record<string, string>),
      ...files,
    });
    for (const name of pem.keys())
      if (name.endsWith(".key"))
        chmodSync(join(folder, `tls/${name}.pem`), mode);
    for (const file of Object.keys(joined)) chmodSync(join(folder, file), mode);
    return folder;
  }

  for (const [title, one] of Object.entries(CASES))
    it(`${title}: ${one.finds?.join(", ") ?? "nothing"}`, async function () {
      if (OPENSSL_MISSING) this.skip();
      const folder = folderOf(one);
      const given = one.given ?? [Object.keys(one.files ?? {})[0]!];
      const { findings, notes, missed } = await examine(
        {},
        given.map((name) => join(folder, name)),
      );
      expect(findings.map(({ code }) => code)).to.have.members(one.finds ?? []);
      expect(missed).to.deep.equal([]);
      expect(notes.join()).to.include(one.notes ?? "");
      expect(findings.map(({ todo }) => todo).join()).to.include(
        one.todo ?? "",
      );
    });

  it("looks at the settings' own authorities, and knows an issuer by them", async function () {
    if (OPENSSL_MISSING) this.skip();
    const folder = folderOf({});
    writeFileSync(join(folder, "cert.pem"), pem.get("direct")!);
    const codes = async (ca: string): Promise<Code[]> => {
      const words = `--tls-cert ${folder}/cert.pem --tls-key ${folder}/tls/direct.key.pem --tls-ca ${folder}/tls/${ca}.pem --tls-verify-client require`;
      const { findings } = await examine(await flagsOf(words.split(" ")), [
        join(folder, "tls/own.pem"),
      ]);
      return findings.map(({ code }) => code);
    };
    expect(await codes("root")).to.deep.equal([]);
    expect(await codes("old")).to.have.members(["tls-chain", "tls-expires"]);
  });
});
