/** The address that the workers will share. */
import { spawn } from "node:child_process";
import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { call, resource, type Operation } from "effection";
import {
  formatTarget,
  NODE_CAN_SHARE,
  parseTarget,
  type Target,
} from "../engine/target.ts";
import { namesOf, useClaim } from "./claim.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { listenFor } from "./listen.ts";
import type { Settings } from "./schema.ts";

/**
 * Claims the address until the scope ends, and gives the settings with a real port in place of 0. Other programs than
 * eddy are noticed by listening there for a moment: workers share their port, and would share it with such a program,
 * too, instead of failing. The claim comes first, so that this moment is in the way of no other eddy's workers.
 *
 * @throws {CommandFailure} saying what is in the way.
 */
export function useAddress(settings: Settings): Operation<Settings> {
  return resource(function* (provide) {
    const { http, uwsgi, tlsKey, tlsCert } = settings;
    if (http === "none" && uwsgi === "")
      throw new CommandFailure(
        EXIT.usage,
        "there is nowhere to listen: give an address by --http or --uwsgi",
      );
    if ((tlsKey === "") !== (tlsCert === ""))
      throw new CommandFailure(
        EXIT.usage,
        `--tls-${tlsKey === "" ? "key" : "cert"} is missing: TLS takes a key and a certificate`,
      );
    const target = parseTarget(http);
    if (target === undefined) return yield* provide(settings);
    if ("path" in target) {
      checkAlone(settings);
      yield* useClaim(http, [resolve(target.path)]);
      return yield* provide(settings);
    }
    const engine = yield* call(() => engineAt(settings));
    checkAlone({ ...settings, engine });
    const isAnyPort = target.port === 0;
    if (!isAnyPort) yield* useClaim(http, yield* call(() => named(target)));
    const at = yield* call(() => tryToListen(target));
    const found = formatTarget({ ...target, port: at.port });
    if (isAnyPort) yield* useClaim(found, namesOf(at));
    yield* provide({ ...settings, engine, http: found });
  });
}

/** What `auto` will be in the workers, where that decides whether they can share a port. */
async function engineAt({ engine }: Settings): Promise<Settings["engine"]> {
  if (engine !== "auto" || NODE_CAN_SHARE) return engine;
  return (await loads(UWS)) ? engine : "node";
}

/** A process of its own tries it: the supervisor never loads an engine. */
async function loads(module: string): Promise<boolean> {
  const trial = spawn(process.execPath, [module], { stdio: "ignore" });
  const [code] = (await once(trial, "exit")) as [number | null];
  return code === 0;
}

const UWS = fileURLToPath(new URL("../engine/uws/load.js", import.meta.url));

/** What is claimed for it. A host that there is not is left to the attempt to listen, which says so. */
async function named({ host, port }: PortTarget): Promise<string[]> {
  if (host === undefined) return namesOf({ address: "::", port });
  const found = await lookup(host).catch(() => undefined);
  return found === undefined ? [] : namesOf({ address: found.address, port });
}

async function tryToListen(target: PortTarget): Promise<AddressInfo> {
  const probe = createServer();
  await listenFor("http", probe, target);
  const at = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return at;
}

type PortTarget = Extract<Target, { port: number }>;

/** Nothing that could be shared: one worker starts when the one before has ended. */
export function isAlone({ http, http2, engine }: Settings): boolean {
  if (http.startsWith("unix:")) return true;
  return (engine === "node" || http2) && !NODE_CAN_SHARE;
}

/** @throws {CommandFailure} for several workers where only one can be. */
function checkAlone(settings: Settings): void {
  const { workers, http } = settings;
  if (workers === 1 || !isAlone(settings)) return;
  throw new CommandFailure(
    EXIT.usage,
    http.startsWith("unix:")
      ? `${workers} workers cannot share the Unix socket of --http: give --workers 1, or an address with a port`
      : `${workers} workers cannot share a port by --engine node, or with --http2, before Node.js 22.12: give --workers 1, or take a newer one`,
  );
}
