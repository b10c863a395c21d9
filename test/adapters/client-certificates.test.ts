/** Certificates of clients as variables, wherever applications get a request as variables. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { get } from "node:https";
import type { TLSSocket } from "node:tls";
import { expect } from "chai";
import { node } from "../../adapters/node.ts";
import { variablesOf } from "../../adapters/uwsgi/packet.ts";
import { wsgi, type WsgiApp } from "../../adapters/wsgi.ts";
import { json, type Application } from "../../lib/index.ts";
import { makeCertificate, OPENSSL_MISSING } from "../support/certificates.ts";
import { folderWith } from "../support/folder.ts";
import { describeIf } from "../support/programs.ts";
import { needsPython, pythonApp } from "../support/python.ts";
import { serveWith } from "../support/server.ts";

const SHOWN = {
  SSL_CLIENT_VERIFY: "SUCCESS",
  SSL_CLIENT_S_DN: "CN=known,O=K\u00c3\u00a4se\\, Inc.,C=DE", // a character for each byte
  SSL_CLIENT_I_DN: "CN=authority",
};

/** What of the environ is asked for here: the rest is no JSON. */
const show: WsgiApp = (environ, start) => {
  start("200 OK", [["Content-Type", "application/json"]]);
  const shown = Object.entries(environ).filter(([name]) =>
    name.startsWith("SSL_"),
  );
  return [JSON.stringify(Object.fromEntries(shown))];
};

const inThread = (): Application => {
  const code = `export default ${String(show)};`;
  const module = new URL(`data:text/javascript,${encodeURIComponent(code)}`);
  return wsgi({ module, threads: 1 });
};

describeIf(OPENSSL_MISSING, "A client's certificate", function () {
  this.timeout(30_000);

  const kinds: Record<string, () => Application> = {
    "wsgi()": () => wsgi(show),
    "wsgi() in threads": inThread,
    "uwsgi()": () => (request) => json(variablesOf(request, undefined)),
    "python()": () => pythonApp("pep3333:variables"),
  };
  for (const [kind, make] of Object.entries(kinds))
    it(`is in the variables of ${kind} where it is shown, and not otherwise`, async function () {
      if (kind === "python()") needsPython(this);
      const folder = folderWith({});
      const server = makeCertificate(folder, "server");
      const ca = makeCertificate(folder, "authority").cert;
      const known = makeCertificate(folder, "known", {
        subject: "/C=DE/O=Käse, Inc./CN=known",
        signedBy: "authority",
      });
      const tls = { ...server, ca, verifyClient: "optional" } as const;
      const { url } = await serveWith(
        (loop) => loop.mount(make()),
        {},
        { tls },
      );
      const ask = (shown: object): Promise<Record<string, string>> =>
        askBy(url, shown);
      const files = {
        key: readFileSync(known.key),
        cert: readFileSync(known.cert),
      };
      const variables = await ask(files);
      expect(variables).to.include(SHOWN);
      expect(variables["SSL_CLIENT_M_SERIAL"]).to.match(/^[\dA-F]{8,}$/);
      const names = Object.keys(await ask({}));
      const left = names.filter((name) => name.startsWith("SSL_"));
      expect(left).to.deep.equal([]);
    });

  it("is what req.socket.getPeerCertificate() gives below node()", async () => {
    const folder = folderWith({});
    const server = makeCertificate(folder, "server");
    const ca = makeCertificate(folder, "authority").cert;
    const known = makeCertificate(folder, "known", {
      signedBy: "authority",
    });
    const tls = { ...server, ca, verifyClient: "optional" } as const;
    const { url } = await serveWith(
      (loop) =>
        loop.mount(
          node((req: IncomingMessage, res: ServerResponse) => {
            const socket = req.socket as TLSSocket;
            const { authorized } = socket;
            const { subject } = socket.getPeerCertificate();
            res.end(JSON.stringify({ authorized, subject }));
          }),
        ),
      {},
      { tls },
    );
    const files = {
      key: readFileSync(known.key),
      cert: readFileSync(known.cert),
    };
    expect(await askBy(url, files)) //
      .to.deep.equal({ authorized: true, subject: { CN: "known" } });
    expect(await askBy(url, {})).to.deep.equal({ authorized: false });
  });
});

async function askBy(
  url: string,
  shown: object,
): Promise<Record<string, string>> {
  const options = { rejectUnauthorized: false, agent: false, ...shown };
  const headers = { "ssl-client-verify": "SUCCESS" };
  const request = get(url, { ...options, headers });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const text = (await response.setEncoding("utf8").toArray()).join("");
  return JSON.parse(text) as Record<string, string>;
}
