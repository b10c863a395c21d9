/** The servers that a case is played on. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { Loop, type ListenOptions } from "../../lib/index.ts";
import { ENGINES } from "../support/engines.ts";
import { CERTIFICATE } from "../support/certificate.ts";
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

export type Start = () => Promise<Server>;

const HOST = "127.0.0.1";

/** Every kind of listener, on every engine: whose it is, what it is, and how it starts. */
export const LISTENERS: readonly (readonly [
  engine: string,
  kind: string,
  start: Start,
])[] = ENGINES.flatMap(({ name, options }) =>
  Object.entries(listenersOf(options)).map(
    ([kind, start]) => [name, kind, start] as const,
  ),
);

function listenersOf(engine: ListenOptions): Record<string, Start> {
  return {
    "a port": () =>
      startLoop(async (loop) => {
        const { port } = await loop.listen({ ...engine, port: 0, host: HOST });
        return { port: port! };
      }),
    "a port with TLS": () =>
      startLoop(async (loop) => {
        const at = { ...engine, port: 0, host: HOST, tls: CERTIFICATE };
        const { port } = await loop.listen(at);
        return { port: port!, tls: true };
      }),
    "a Unix socket": () =>
      startLoop(async (loop, folder) => {
        const unix = join(folder, "socket");
        await loop.listen({ ...engine, unix });
        return { unix };
      }),
  };
}

async function startLoop(
  listen: (loop: Loop, folder: string) => Promise<Target>,
): Promise<Server> {
  const complaints: string[] = [];
  const write = (line: string): void => void complaints.push(line);
  const loop = new Loop({
    log: pino({ level: "warn" }, { write }),
    stallWarnMs: Infinity, // a busy machine keeps the loop as well
  });
  const calls: string[] = [];
  mountApplications(loop, calls);
  const folder = mkdtempSync(join(tmpdir(), "eddy-wire-"));
  const close = async (): Promise<string[]> => {
    await loop.close();
    rmSync(folder, { recursive: true });
    return complaints;
  };
  return { target: await listen(loop, folder), calls, close };
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
