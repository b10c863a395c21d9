/** The command with TLS: its settings, what is wrong with them, and certificates that are renewed. */
import { once } from "node:events";
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { join } from "node:path";
import { expect } from "chai";
import { itOnUws } from "../support/native.ts";
import { makeCertificate, OPENSSL_MISSING } from "../support/certificates.ts";
import { Eddy, eddy, PATIENCE_MS } from "../support/command.ts";
import { folderWith } from "../support/folder.ts";
import { reachableByOthers } from "../support/other-user.ts";
import { describeIf } from "../support/programs.ts";

const APP =
  'export default (request) => request.peerCertificate?.subject ?? "nobody";';

const KEY_AND_CERT = ["--tls-key", "own.key.pem", "--tls-cert", "own.pem"];

async function connected(
  command: Eddy,
  options: ConnectionOptions = {},
): Promise<TLSSocket> {
  const { port } = new URL(await command.url());
  const socket = connect({
    port: Number(port),
    host: "127.0.0.1",
    rejectUnauthorized: false,
    ...options,
  });
  await once(socket, "secureConnect");
  return socket;
}

/** Whose certificate a client is shown, and what it is answered. */
async function askOn(
  socket: TLSSocket,
): Promise<{ shown: string; reply: string }> {
  const shown = String(socket.getPeerCertificate().subject.CN);
  socket.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const reply = (await socket.setEncoding("utf8").toArray()).join("");
  return { shown, reply: reply.split("\r\n\r\n")[1] ?? "" };
}

const ask = async (command: Eddy, options?: ConnectionOptions) =>
  askOn(await connected(command, options));

/** A connection that the kernel gives to a worker of uWebSockets.js as it stops listening is reset before a request. */
async function connectedAtLast(command: Eddy): Promise<TLSSocket> {
  for (;;)
    try {
      return await connected(command);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ECONNRESET") throw error;
    }
}

describeIf(OPENSSL_MISSING, "The command with TLS", function () {
  this.timeout(PATIENCE_MS);

  const folder = (): string => {
    const path = folderWith({ "app.mjs": APP });
    makeCertificate(path, "own");
    return path;
  };

  it("has several certificates, by the names in them", async () => {
    const path = folder();
    makeCertificate(path, "other", { names: ["b.test"] });
    const more = ["--tls-key", "other.key.pem", "--tls-cert", "other.pem"];
    const command = eddy(path, ["app.mjs", ...KEY_AND_CERT, ...more]);
    expect((await ask(command)).shown).to.equal("own");
    const { shown } = await ask(command, { servername: "b.test" });
    expect(shown).to.equal("other");
  });

  it("asks clients for certificates with --tls-verify-client, on the engine node", async () => {
    const path = folder();
    makeCertificate(path, "ca");
    const client = makeCertificate(path, "client", { signedBy: "ca" });
    const verify = ["--tls-ca", "ca.pem", "--tls-verify-client", "optional"];
    const command = eddy(path, ["app.mjs", ...KEY_AND_CERT, ...verify]);
    expect((await ask(command)).reply).to.equal("nobody");
    const [key, cert] = [readFileSync(client.key), readFileSync(client.cert)];
    expect((await ask(command, { key, cert })).reply).to.equal("CN=client");
  });

  it("reads a passphrase from a file or a variable, and shows it nowhere", async () => {
    const path = folder();
    const passphrase = "battery-staple";
    makeCertificate(path, "own", { passphrase });
    writeFileSync(join(path, "passphrase"), `${passphrase}\n`);
    const args = ["--tls-passphrase-file", "passphrase"];
    const command = eddy(path, ["app.mjs", ...KEY_AND_CERT, ...args]);
    expect((await ask(command)).shown).to.equal("own");
    await command.end();
    const env = { EDDY_TLS_PASSPHRASE: passphrase };
    const config = new Eddy(path, ["config"], env);
    expect(await config.ended).to.equal(0);
    const shown = [...command.lines, ...config.lines].join("\n");
    expect(shown).to.match(/^tlsPassphrase +\(set\) +EDDY_TLS_PASSPHRASE$/m);
    expect(shown + command.stderr).not.to.include(passphrase);
  });

  it("has the certificates anew with SIGHUP; what cannot be used is said, and replaces nothing", async () => {
    const path = folder();
    const command = eddy(path, ["app.mjs", ...KEY_AND_CERT]);
    const [before] = await command.workers();
    writeFileSync(join(path, "own.pem"), "no PEM");
    command.kill("SIGHUP");
    await command.logged(/^the TLS certificate own.pem does not work: /);
    await command.logged(/^the reload ends here; the workers there are go on/);
    expect((await ask(command)).shown).to.equal("own");
    expect(command.log.map(({ pid }) => pid)).to.include(before);
    makeCertificate(path, "own", { subject: "/CN=new" });
    command.kill("SIGHUP");
    await command.logged(/^reloaded 1 worker$/);
    expect((await ask(command)).shown).to.equal("new");
  });

  it("loses no request when they are replaced under load", async () => {
    const path = folder();
    const command = eddy(path, ["app.mjs", ...KEY_AND_CERT, "--workers", "2"]);
    await command.url();
    let isOver = false;
    const clients = Array.from({ length: 4 }, async () => {
      const replies: string[] = [];
      while (!isOver) {
        const { reply } = await askOn(await connectedAtLast(command));
        replies.push(reply);
      }
      return replies;
    });
    makeCertificate(path, "own", { subject: "/CN=new" });
    command.kill("SIGHUP");
    await command.logged(/^reloaded 2 workers$/);
    isOver = true;
    const replies = (await Promise.all(clients)).flat();
    expect(new Set(replies)).to.deep.equal(new Set(["nobody"]));
    expect((await ask(command)).shown).to.equal("new");
  });

  it("serves with a certificate that has expired, and says so once for all workers", async () => {
    const path = folder();
    makeCertificate(path, "own", { days: -1 });
    const args = ["app.mjs", ...KEY_AND_CERT, "--workers", "2"];
    const command = eddy(path, args);
    expect((await ask(command)).shown).to.equal("own");
    await command.end();
    const lines = command.log.filter(({ msg }) => msg.startsWith("the TLS"));
    expect(lines).to.have.lengthOf(1);
    expect(lines[0]!.msg).to.match(/^the TLS certificate own.pem has expired /);
  });

  it("ends with 2, and says once that a file is missing", async () => {
    const args = ["--tls-key", "none.pem", "--tls-cert", "own.pem"];
    const command = eddy(folder(), ["app.mjs", ...args]);
    expect(await command.ended).to.equal(2);
    expect(command.stderr).to.match(
      /^eddy: cannot read the TLS key: ENOENT: .*'none.pem'\n$/,
    );
  });

  itOnUws(
    "ends with 2, and says once that the engine cannot do it",
    async () => {
      const args = ["--tls-min-version", "TLSv1.3", "--engine", "uws"];
      const command = eddy(folder(), ["app.mjs", ...KEY_AND_CERT, ...args]);
      expect(await command.ended).to.equal(2);
      expect(command.stderr).to.match(
        /^eddy: the engine "uws" .*, or "auto"\n$/,
      );
    },
  );

  it("ends with 2, and says once that the workers' user cannot read the key", async function () {
    const others = reachableByOthers(this);
    const path = others.folderWith({ "app.mjs": APP });
    chmodSync(makeCertificate(path, "own").key, 0o600);
    const args = ["app.mjs", ...KEY_AND_CERT, "--user", "nobody"];
    const here = ["--http", "127.0.0.1:0"];
    const command = new Eddy(path, [...here, ...args], {}, others.main);
    expect(await command.ended).to.equal(2);
    expect(command.stderr).to.match(
      /^eddy: cannot read the TLS key: EACCES: .*\n$/,
    );
  });

  it("goes on when a worker is replaced that has read broken files, until they are whole again", async () => {
    const path = folder();
    const command = eddy(path, ["app.mjs", ...KEY_AND_CERT, "--workers", "2"]);
    const workers = await command.workers();
    copyFileSync(join(path, "own.pem"), join(path, "kept.pem"));
    writeFileSync(join(path, "own.pem"), "no PEM");
    process.kill(workers[0]!, "SIGKILL");
    await command.logged(/^worker .* has ended: the TLS certificate own.pem /);
    expect((await ask(command)).reply).to.equal("nobody");
    copyFileSync(join(path, "kept.pem"), join(path, "own.pem"));
    await command.logged(/^listening on/, 3);
  });
});
