/** The servers that a case is played on. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { Loop } from "../../lib/index.ts";
import { mountApplications } from "./application.ts";
import type { Target } from "./connection.ts";
import { createNodeServer } from "./node-application.ts";

export interface Server {
  readonly target: Target;
  /** What the applications were called for. */
  readonly calls: string[];
  /** Ends it; gives what it had to complain about. */
  close(): Promise<string[]>;
}

/** How a server is started; undefined where this machine cannot. */
export type Start = () => Promise<Server | undefined>;

const HOST = "127.0.0.1";

export const LISTENERS: Record<string, Start> = {
  "a port": () =>
    startLoop(async (loop) => {
      const { port } = await loop.listen({ port: 0, host: HOST });
      return { port: port! };
    }),
  "a port with TLS": () =>
    startLoop(async (loop, folder) => {
      const tls = makeCertificate(folder);
      if (tls === undefined) return undefined;
      const { port } = await loop.listen({ port: 0, host: HOST, tls });
      return { port: port!, tls: true };
    }),
  "a Unix socket": () =>
    startLoop(async (loop, folder) => {
      const unix = join(folder, "socket");
      await loop.listen({ unix });
      return { unix };
    }),
};

async function startLoop(
  listen: (loop: Loop, folder: string) => Promise<Target | undefined>,
): Promise<Server | undefined> {
  const complaints: string[] = [];
  const write = (line: string): void => void complaints.push(line);
  const loop = new Loop({ log: pino({ level: "warn" }, { write }) });
  const calls: string[] = [];
  mountApplications(loop, calls);
  const folder = mkdtempSync(join(tmpdir(), "eddy-wire-"));
  const close = async (): Promise<string[]> => {
    await loop.close();
    rmSync(folder, { recursive: true });
    return complaints;
  };
  const target = await listen(loop, folder);
  if (target !== undefined) return { target, calls, close };
  await close();
  return undefined;
}

export async function startNode(): Promise<Server> {
  const calls: string[] = [];
  const server = createNodeServer(calls).listen(0, HOST);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<string[]> => {
    server.closeAllConnections();
    await once(server.close(), "close");
    return [];
  };
  return { target: { port }, calls, close };
}

/** Undefined: there is no openssl to make one with. */
function makeCertificate(
  folder: string,
): { key: string; cert: string } | undefined {
  const files = {
    key: join(folder, "key.pem"),
    cert: join(folder, "cert.pem"),
  };
  const kind = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1";
  const options = [...kind.split(" "), "-nodes", "-days", "2"];
  const names = ["-subj", "/CN=localhost"];
  const out = ["-keyout", files.key, "-out", files.cert];
  try {
    execFileSync("openssl", [...options, ...names, ...out], { stdio: "pipe" });
    return files;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
