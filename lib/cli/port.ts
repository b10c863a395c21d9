/** The port that the workers will share. */
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { call, type Operation } from "effection";
import { CommandFailure, EXIT } from "./failure.ts";
import { httpTarget } from "./loop-options.ts";
import type { Settings } from "./schema.ts";

/**
 * Takes the port for a moment: workers that share a port would share it with anybody who does, too, and never learn that
 * it was taken. Gives the settings with a real port in place of 0.
 *
 * @throws {CommandFailure} saying what is in the way.
 */
export function* choosePort(settings: Settings): Operation<Settings> {
  const { http, uwsgi } = settings;
  if (http === "none" && uwsgi === "")
    throw new CommandFailure(
      EXIT.usage,
      "there is nowhere to listen: give an address by --http or --uwsgi",
    );
  const { port, host, unix } = httpTarget(settings) ?? {};
  if (unix !== undefined || port === undefined) return settings;
  const free = yield* call(() => tryPort(port, host));
  const shown = host?.includes(":") ? `[${host}]` : (host ?? "");
  return { ...settings, http: `${shown}:${free}` };
}

function tryPort(port: number, host: string | undefined): Promise<number> {
  const probe = createServer();
  return new Promise((resolve, reject) => {
    probe.once("error", ({ code, message }: NodeJS.ErrnoException) =>
      reject(
        new CommandFailure(
          EXIT.failed,
          `cannot listen on ${host ?? ""}:${port}: ${REASONS[code ?? ""] ?? message}`,
        ),
      ),
    );
    probe.listen({ port, host }, () => {
      const { port: taken } = probe.address() as AddressInfo;
      probe.close(() => resolve(taken));
    });
  });
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE:
    "another process listens there; stop it, or choose another address by --http",
  EACCES:
    "ports below 1024 take a privilege (CAP_NET_BIND_SERVICE); choose a higher one, or put a proxy in front",
  EADDRNOTAVAIL: "this machine has no such address",
  ENOTFOUND: "there is no such host",
};
