/** What `eddy doctor` says of thirty whole configurations: 24 with mistakes, which it finds, and six without. */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { examine } from "../../../../lib/cli/doctor/doctor.ts";
import type { Code } from "../../../../lib/cli/doctor/finding.ts";
import {
  makeCertificate,
  OPENSSL_MISSING,
} from "../../../support/certificates.ts";
import { folderWith } from "../../../support/folder.ts";
import { ROOT } from "../../../support/root.ts";

const SETUPS = join(ROOT, "test/lib/cli/doctor/setups");

/** What a file of PEM is made of: certificates by their names, keys by `NAME.key`. */
type Pem = readonly string[];

interface Expected {
  /** What the doctor is given; other files are there, too. */
  readonly files: readonly string[];
  readonly finds: readonly Code[];
  readonly pem?: Readonly<Record<string, Pem>>;
  /** Of keys; 600 in octal otherwise. */
  readonly mode?: number;
}

/** As certbot and the like put them down. */
const renewed = (folder: string, leaf: string, key = leaf) => ({
  [`${folder}/cert.pem`]: [leaf],
  [`${folder}/chain.pem`]: ["issuing"],
  [`${folder}/fullchain.pem`]: [leaf, "issuing"],
  [`${folder}/privkey.pem`]: [`${key}.key`],
});

const CASES: Readonly<Record<string, Expected>> = {
  // HTTP/1.0 of the second site also ends each connection
  "01-nginx-http10-second-site": {
    files: ["nginx.conf"],
    finds: ["front-http-1.0", "front-keep-alive"],
  },
  "02-nginx-sse-buffered": {
    files: ["prices.nginx"],
    finds: ["front-buffering"],
  },
  "03-nginx-upstream-keepalive-default": {
    files: ["etc/nginx/nginx.conf"],
    finds: ["front-idle-time"],
  },
  "04-nginx-headers-not-inherited": {
    files: ["shop.conf"],
    finds: ["front-inheritance"],
    pem: renewed("tls", "shop"),
  },
  "05-nginx-websocket-no-upgrade": {
    files: ["chat.example.org"],
    finds: ["front-websocket"],
  },
  "06-nginx-upload-limit": {
    files: ["sites-available/media"],
    finds: ["front-body-size"],
  },
  "07-nginx-unix-socket-trust": {
    files: ["app.conf"],
    finds: ["front-not-trusted"],
    pem: renewed("tls", "shop"),
  },
  "08-nginx-forwarded-for-map": {
    files: ["nginx.conf"],
    finds: ["front-forwarded-for"],
  },
  "09-nginx-repeats-posts": {
    files: ["orders.conf"],
    finds: ["front-retry", "front-not-trusted"],
  },
  "10-haproxy-httpchk-http10": {
    files: ["haproxy.cfg"],
    finds: ["front-http-1.0"],
  },
  "11-haproxy-send-proxy-v1": {
    files: ["haproxy.cfg"],
    finds: ["front-proxy-protocol"],
  },
  "12-haproxy-if-none-and-retries": {
    files: ["haproxy.cfg"],
    finds: ["front-forwarded-for", "front-retry"],
    pem: { "tls/shop.pem": ["shop", "issuing", "shop.key"] },
  },
  // readOnlyRootFilesystem without a volume at /tmp is no mistake that breaks anything: uploads are answered 200, and
  // Node's own HTTP serves where the engine does not load.
  "13-k8s-hardened-edge": {
    files: ["edge.yaml"],
    finds: ["kubernetes-host-port"],
  },
  "14-systemd-dropin-stop-timeout": {
    files: ["reports.service"],
    finds: ["grace"],
  },
  "15-systemd-npx": { files: ["web.service"], finds: ["signals-lost"] },
  "16-systemd-hardening-copied": {
    files: ["gateway.service"],
    finds: ["systemd-notify", "systemd-sandbox"],
  },
  "17-systemd-socket-not-taken": {
    files: ["shop.service", "shop.socket"],
    finds: ["systemd-socket"],
  },
  "18-k8s-grace-default": { files: ["deployment.yaml"], finds: ["grace"] },
  "19-k8s-port-mismatch": { files: ["app.yml"], finds: ["container-port"] },
  "20-k8s-loopback": {
    files: ["statefulset.yaml"],
    finds: ["loopback-in-container"],
  },
  "21-tls-nginx-expired": {
    files: ["nginx.conf"],
    finds: ["tls-expires"],
    pem: {
      ...renewed("live/shop.example.org", "expired"),
      ...renewed("live/other.example.org", "shop"),
    },
  },
  "22-tls-sni-pairs": {
    files: ["eddy.config.yaml"],
    finds: ["tls-files", "tls-expires"],
    pem: {
      ...renewed("tls/shop.example.org", "shop", "api"),
      ...renewed("tls/api.example.org", "soon"),
    },
  },
  "23-tls-leaf-only": {
    files: ["eddy.config.toml"],
    finds: ["tls-chain", "tls-key-readable"],
    pem: renewed("ssl", "api"),
    mode: 0o644,
  },
  "24-config-open-doors": {
    files: ["eddy.config.json"],
    finds: ["trust-everybody", "status-open"],
    pem: renewed("tls", "api"),
  },
  "25-right-nginx-tree": {
    files: ["nginx.conf"],
    finds: [],
    pem: renewed("tls", "shop"),
  },
  "26-right-nginx-debian": { files: ["nginx.conf"], finds: [] },
  "27-right-haproxy": {
    files: ["haproxy.cfg"],
    finds: [],
    pem: { "tls/shop.pem": ["shop", "issuing", "shop.key"] },
  },
  "28-right-systemd-template": { files: ["app@.service"], finds: [] },
  "29-right-k8s": { files: ["all.yaml"], finds: [] },
  "30-right-tls-config": {
    files: ["eddy.config.yaml"],
    finds: [],
    pem: { ...renewed("live/shop", "shop"), ...renewed("live/api", "api") },
  },
};

describe("eddy doctor, of whole configurations", () => {
  const pem = new Map<string, string>();

  before(() => {
    if (OPENSSL_MISSING) return;
    const folder = mkdtempSync(join(tmpdir(), "eddy-test-"));
    const make = (
      name: string,
      signedBy: string,
      host: string,
      days = 90,
    ): void => {
      const { cert, key } = makeCertificate(folder, name, {
        names: [host],
        signedBy,
        days,
      });
      pem.set(name, readFileSync(cert, "utf8"));
      pem.set(`${name}.key`, readFileSync(key, "utf8"));
    };
    make("root", "root", "root.example.org");
    make("issuing", "root", "issuing.example.org");
    make("shop", "issuing", "shop.example.org");
    make("api", "issuing", "api.example.org");
    make("expired", "issuing", "shop.example.org", -1);
    make("soon", "issuing", "api.example.org", 5);
    rmSync(folder, { recursive: true });
  });

  it("has a folder for each, and each folder is one", () => {
    expect(readdirSync(SETUPS)).to.have.members(Object.keys(CASES));
  });

  for (const [name, expected] of Object.entries(CASES))
    it(`${name}: ${expected.finds.join(", ") || "nothing"}`, async function () {
      if (expected.pem !== undefined && OPENSSL_MISSING) this.skip();
      const folder = folderWith({});
      cpSync(join(SETUPS, name), folder, { recursive: true });
      for (const [file, parts] of Object.entries(expected.pem ?? {})) {
        mkdirSync(join(folder, dirname(file)), { recursive: true });
        const isKey = parts.some((part) => part.endsWith(".key"));
        writeFileSync(
          join(folder, file),
          parts.map((part) => pem.get(part)).join(""),
          { mode: isKey ? (expected.mode ?? 0o600) : 0o644 },
        );
      }
      const before = process.cwd();
      process.chdir(folder);
      try {
        const { findings, missed } = await examine({}, expected.files);
        expect(findings.map(({ code }) => code)).to.have.members(
          expected.finds,
        );
        expect(missed).to.deep.equal([]);
        for (const { where, todo } of findings)
          expect([where, todo]).to.not.include("");
      } finally {
        process.chdir(before);
      }
    });
});
