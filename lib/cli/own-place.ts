/** Where a process without workers listens: it opens all addresses by itself, and only claims them here. */
import { createServer } from "node:net";
import { call, type Operation } from "effection";
import { listenOn } from "../engine/inherited.ts";
import { warnOfExpiry } from "../engine/expiry.ts";
import type { ListenOptions } from "../engine/listen-options.ts";
import { formatTarget } from "../engine/target.ts";
import { parseHttpAddress } from "./http-address.ts";
import {
  checkAdoption,
  commonOf,
  inheritedNames,
  nowhere,
  useClaims,
  type PlaceOptions,
} from "./port.ts";
import { checkOpenable } from "./privileged-port.ts";
import { readCertificates } from "./tls.ts";
import { FRONT_OF_SYSTEMD, inFull } from "./uwsgi-front.ts";

export interface OwnPlace {
  /** For HTTP. */
  readonly listen: readonly ListenOptions[];
  /** For front servers that speak uwsgi. */
  readonly fronts: readonly ListenOptions[];
}

/** Claims the addresses until the scope ends. @throws {CommandFailure} saying what is in the way. */
export function* useOwnPlace(options: PlaceOptions): Operation<OwnPlace> {
  const { settings, sockets, log } = options;
  warnOfExpiry(readCertificates(settings), log);
  const common = commonOf(settings);
  const fronts = yield* frontsOf(options);
  const inherited = inheritedNames(options);
  if (inherited.length > 0) {
    checkAdoption(settings);
    const fds = inherited.map((name) => sockets.given(name)!.fd!);
    return { listen: fds.map((fd) => ({ fd, ...common })), fronts };
  }
  if (settings.takeListen && !options.isHttpGiven)
    return { listen: [common], fronts }; // the program says where
  const wanted = settings.http.map((entry) => ({
    entry,
    ...parseHttpAddress(entry)!,
  }));
  for (const { target } of wanted) checkOpenable(target, options.identity);
  if (wanted.length + fronts.length === 0) throw nowhere();
  yield* useClaims(wanted, sockets);
  const listen = wanted.map(({ target, engine }) => ({
    ...("path" in target ? { unix: target.path } : target),
    ...(engine && { engine }),
    ...common,
  }));
  return { listen, fronts };
}

function* frontsOf({
  settings,
  sockets,
}: PlaceOptions): Operation<ListenOptions[]> {
  if (settings.uwsgi !== "")
    return [{ uwsgi: formatTarget(inFull(settings.uwsgi)) }];
  const fd = sockets.given(FRONT_OF_SYSTEMD)?.fd;
  if (fd === undefined) return [];
  const server = createServer();
  yield* call(() => listenOn(server, fd));
  return [{ uwsgi: server }];
}
