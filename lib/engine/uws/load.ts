/**
 * Loads the native engine, uWebSockets.js. The only file that imports it at run time; the others use its types.
 */
import { randomUUID } from "node:crypto";
import {
  closeSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type * as UWS from "uWebSockets.js";
import { EngineError } from "../../common/errors.ts";
import { replaceC23Aliases } from "./glibc.ts";
import { reasonOf } from "./reason.ts";
import { MAX_HEADERS } from "../header-limit.ts";

export type {
  HttpRequest,
  HttpResponse,
  TemplatedApp,
  us_listen_socket,
  us_socket_context_t,
  WebSocket,
  WebSocketBehavior,
} from "uWebSockets.js";

/** What of this machine decides whether the engine's binaries load. */
export interface Machine {
  platform: string;
  arch: string;
  node: string;
  abi: string;
  /** Version of the glibc in use; absent on musl and outside Linux. */
  glibc: string | undefined;
}

const require = createRequire(import.meta.url);

/** What the engine offers, as this project uses it. */
type Engine = Omit<typeof UWS, "DeclarativeResponse">; // that class is made by the package's wrapper, not by the addon

/** An operator's own setting of the variable stands; ours is taken back, so that child processes do not inherit it. */
function withHeaderLimit<T>(load: () => T): T {
  const { name, bytes } = MAX_HEADERS;
  const own = process.env[name];
  if (own) {
    if (/^[1-9]\d*$/.test(own)) return load();
    throw new EngineError(
      `${name} is "${own}"; set it to a number of bytes, or not at all`,
    );
  }
  process.env[name] = String(bytes);
  try {
    return load();
  } finally {
    if (own === undefined) delete process.env[name];
    else process.env[name] = own;
  }
}

function loadEngine(): Engine {
  try {
    return require("uWebSockets.js") as Engine;
  } catch (error) {
    if (
      process.platform !== "linux" ||
      !String(error).includes("GLIBC_2.38' not found")
    )
      throw explain(error, thisMachine());
    return loadAdapted();
  }
}

/** Debian 12 and the `node:*-bookworm` images have glibc 2.36: load a private copy that asks for less. See glibc.ts. */
function loadAdapted(): Engine {
  const { platform, arch, versions } = process;
  const file = `uws_${platform}_${arch}_${versions.modules}.node`;
  let copy: number | undefined;
  try {
    const addon = readFileSync(
      join(dirname(require.resolve("uWebSockets.js")), file),
    );
    replaceC23Aliases(addon);
    const path = join(tmpdir(), `eddy-engine-${randomUUID()}`);
    copy = openSync(path, "wx+", 0o700);
    unlinkSync(path); // a file without a name: nobody else can swap it, and who is killed meanwhile leaves nothing
    writeFileSync(copy, addon);
    const module = { exports: {} };
    process.dlopen(module, `/proc/self/fd/${copy}`);
    return module.exports as Engine;
  } catch (error) {
    throw explain(error, thisMachine());
  } finally {
    if (copy !== undefined) closeSync(copy); // the library stays mapped
  }
}

/** Turns a failed load into one error that says what this machine has, what is needed and what to do. */
export function explain(cause: unknown, machine: Machine): EngineError {
  const { platform, arch, node, abi, glibc } = machine;
  const libc = glibc ? `, glibc ${glibc}` : ", no glibc (musl?)";
  const reason = reasonOf(cause);
  const { advice } = REMEDIES.find(({ fits }) => fits(machine, reason))!;
  return new EngineError(
    `uWebSockets.js does not load here.\n` +
      `  this machine: ${platform} ${arch}, Node.js ${node} (ABI ${abi})${platform === "linux" ? libc : ""}\n` +
      `  needed:       Node.js 20, 22, 24 or 25 on x64 or arm64, with macOS, Windows or a Linux with glibc 2.36 or newer\n` +
      `  to do:        ${advice}; or take the engine "node" (--engine node)\n` +
      `  reason:       ${reason}`,
    { cause },
  );
}

interface Remedy {
  fits: (machine: Machine, reason: string) => boolean;
  advice: string;
}

/** The first that fits. The ABIs are those of the binaries in the package; their `arc4random` is of glibc 2.36. */
const REMEDIES: readonly Remedy[] = [
  {
    fits: ({ platform, glibc }) => platform === "linux" && !glibc,
    advice:
      "use an image with glibc, such as node:22-bookworm-slim, in place of Alpine",
  },
  {
    fits: ({ abi }) => !["115", "127", "137", "141"].includes(abi),
    advice: "use Node.js 24 or 22",
  },
  {
    fits: ({ platform, glibc = "" }) =>
      platform === "linux" && Number(glibc.split(".")[1]) < 36,
    advice: "use a newer system, such as Debian 12 or Ubuntu 24.04",
  },
  {
    fits: (_, reason) =>
      /failed to map segment|ENOENT|EACCES|EROFS|ENOSPC/.test(reason),
    advice:
      "set TMPDIR to a folder that can be written to and allows execution",
  },
  {
    fits: () => true,
    advice:
      'run "npm ci" again on this machine, or install another release of uWebSockets.js under that name',
  },
];

function thisMachine(): Machine {
  const report = process.report as unknown as {
    excludeNetwork: boolean;
    getReport(): { header: { glibcVersionRuntime?: string } };
  };
  report.excludeNetwork = true; // looking up the names of interfaces can take seconds
  return {
    platform: process.platform,
    arch: process.arch,
    node: process.versions.node,
    abi: process.versions.modules,
    glibc: report.getReport().header.glibcVersionRuntime,
  };
}

/** The engine, loaded once for the process. */
export const uws: Engine = withHeaderLimit(loadEngine);
