/**
 * Where the workers will listen: what the settings say is claimed, and, where Node's processes share it, bound here.
 */
import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { fstatSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { resolve } from "node:path";
import { call, resource, type Operation } from "effection";
import { warnOfExpiry } from "../engine/expiry.ts";
import {
  needsNode,
  type Address,
  type EngineChoice,
  type ListenOptions,
} from "../engine/listen-options.ts";
import { listenAt, type Target } from "../engine/target.ts";
import { withoutUws } from "../engine/uws/reason.ts";
import type { Logger } from "../index.ts";
import { bindSocket, CAN_BIND } from "./bound-socket.ts";
import { namesOf, useClaim } from "./claim.ts";
import { CommandFailure, EXIT } from "./failure.ts";
import { parseHttpAddress } from "./http-address.ts";
import type { Identity } from "./identity.ts";
import { ACTIVATED, FIRST_FD } from "./inheritance.ts";
import { refusing } from "./listen.ts";
import type { Settings } from "./schema.ts";
import { engineAt } from "./privileged-port.ts";
import { readCertificates, tlsOf } from "./tls.ts";
import type { At, Sockets } from "./sockets.ts";

/** Where the workers listen for HTTP. */
export interface Place {
  /** For each of them. Ports are real ones in place of 0. */
  readonly listen: readonly ListenOptions[];
  /** Those of the supervisor that they share, by the numbers that they have here. */
  readonly sockets: readonly number[];
  /** Holds these no more, so that clients are refused once the workers have closed them. */
  close(): void;
}

export interface PlaceOptions {
  readonly settings: Settings;
  /** `http` was given, and is not what it is without a word. */
  readonly isHttpGiven: boolean;
  readonly sockets: Sockets;
  readonly identity: Identity;
  readonly log: Logger;
}

export interface WorkersPlaceOptions extends PlaceOptions {
  /** Why uWebSockets.js does not load on this machine; nothing where it does. The supervisor never loads an engine. */
  readonly faultOfUws: () => Promise<string>;
}

/**
 * Claims the addresses until the scope ends. Other programs than eddy are noticed by binding them, or by listening
 * there for a moment: the workers of uWebSockets.js share their port, and would share it with such a program, too,
 * instead of failing. The claim comes first, so that this moment is in the way of no other eddy's workers.
 *
 * @throws {CommandFailure} saying what is in the way.
 */
export function usePlace(options: WorkersPlaceOptions): Operation<Place> {
  return resource(function* (provide) {
    const { settings, sockets } = options;
    warnOfExpiry(readCertificates(settings), options.log);
    const inherited = inheritedNames(options);
    const common = commonOf(settings);
    if (settings.takeListen && !options.isHttpGiven && inherited.length === 0) {
      const [its] = yield* call(() => wantedOf(options));
      checkSharing(settings, its?.engine);
      const { engine } = its ?? {};
      const share = !isNodeAlone(engine);
      const where = { ...common, share, ...(engine && { engine }) };
      return yield* provide({ listen: [where], sockets: [], close() {} }); // the program says where
    }
    const taken =
      inherited.length > 0
        ? inherited.map((name): Taken => adopt(name, options))
        : yield* useAddresses(options);
    if (
      taken.length === 0 &&
      settings.uwsgi === "" &&
      !sockets.given(`uwsgi ${ACTIVATED}`)
    )
      throw nowhere();
    let fd = FIRST_FD;
    yield* provide({
      listen: taken.map(({ socket, where }) => ({
        ...(socket === undefined ? where : { fd: fd++ }),
        ...common,
      })),
      sockets: taken.flatMap(({ socket }) => socket ?? []),
      close() {
        for (const { name } of taken) sockets.close(name);
      },
    });
  });
}

/** What all addresses for HTTP have in common. */
export function commonOf(settings: Settings): ListenOptions {
  const tls = tlsOf(settings);
  const { http2 } = settings;
  return { ...(tls && { tls }), ...(http2 && { http2 }) };
}

export const nowhere = (): CommandFailure =>
  new CommandFailure(
    EXIT.usage,
    "there is nowhere to listen: give an address by --http or --uwsgi",
  );

/** The workers of a program that says where to listen have no socket in common. */
function checkSharing(
  { workers }: Settings,
  engine: EngineChoice | undefined,
): void {
  if (workers === 1 || engine !== "node") return;
  throw new CommandFailure(
    EXIT.usage,
    `${workers} workers by --engine node share the socket of the command: say where with --http, or give --workers 1`,
  );
}

/** Claims where the program of a worker has it listen, until the scope ends. @throws {CommandFailure} as `usePlace`. */
export function* useProgramAddress(
  sockets: Sockets,
  { url, host, port }: Address,
): Operation<void> {
  if (port === undefined) return;
  const target = { port, ...(host !== undefined && { host }) };
  const names = yield* call(() => named(target));
  yield* useClaim(sockets, `http: cannot listen on ${url}`, names);
}

/** What a worker gets. */
interface Taken {
  /** Of the supervisor's socket. */
  readonly name: string;
  /** All workers listen on it. */
  readonly socket?: number | undefined;
  /** Each opens one of its own there. */
  readonly where?: ListenOptions;
}

/** Of the sockets that are there already, and take the place of `http`. */
export function inheritedNames({
  settings: { fd, http },
  isHttpGiven,
  sockets,
  log,
}: PlaceOptions): string[] {
  if (fd === "none") {
    const activated = sockets.namesOf(`http ${ACTIVATED}`);
    if (!isHttpGiven || activated.length === 0) return activated;
    log.warn(
      "the socket that LISTEN_FDS has for http is not used, as --http is given",
    );
    return [];
  }
  if (isHttpGiven && http.length > 0)
    throw new CommandFailure(
      EXIT.usage,
      "--http and --fd both say where to listen: give one of them",
    );
  const name = `http fd:${fd}`;
  if (sockets.given(name)) return [name]; // by the supervisor before this one
  if (!isSocket(fd))
    throw new CommandFailure(
      EXIT.usage,
      `--fd ${fd}: this process has inherited no socket of that number; systemd passes the first as 3, and a shell none`,
    );
  sockets.offer(name, fd);
  return [name];
}

function isSocket(fd: number): boolean {
  try {
    return fstatSync(fd).isSocket();
  } catch {
    return false;
  }
}

function adopt(name: string, { settings, sockets }: PlaceOptions): Taken {
  checkAdoption(settings);
  return { name, socket: sockets.adopt(name) };
}

/** @throws {CommandFailure} where the engine takes no socket that is there. */
export function checkAdoption({ engine }: Settings): void {
  if (engine === "uws")
    throw new CommandFailure(
      EXIT.usage,
      "--engine uws listens on no socket that is there already, as uWebSockets.js opens its own: give --engine node",
    );
}

/** As the operator wrote it, and with the engine that it has. */
interface Wanted {
  readonly entry: string;
  readonly target: Target;
  /** Undefined: what the loop of the application says. */
  readonly engine: EngineChoice | undefined;
}

function* useAddresses(options: WorkersPlaceOptions): Operation<Taken[]> {
  const { settings, sockets } = options;
  const wanted = yield* call(() => wantedOf(options));
  checkAlone(settings, wanted);
  yield* useClaims(wanted, sockets);
  const taken: Taken[] = [];
  for (const one of wanted) taken.push(yield* useAddress(one, options));
  return taken;
}

/** Claims all of them until the scope ends. @throws {CommandFailure} as `usePlace`, and for two in each other's way. */
export function* useClaims(
  wanted: readonly Pick<Wanted, "entry" | "target">[],
  sockets: Sockets,
): Operation<void> {
  const claims: { name: string; entry: string }[] = [];
  for (const { entry, target } of wanted.filter(
    ({ target }) => !isAnyPort(target),
  ))
    for (const name of yield* call(() => named(target))) {
      checkApart(claims.find((claim) => claim.name === name)?.entry, entry);
      claims.push({ name, entry });
    }
  // Everybody claims in the same order: of two that start at the same moment, one gets them all.
  for (const { name, entry } of claims.toSorted((a, b) =>
    a.name < b.name ? -1 : 1,
  ))
    yield* useClaim(sockets, cannotListen(entry), [name]);
}

function checkApart(other: string | undefined, entry: string): void {
  if (other !== undefined)
    throw new CommandFailure(
      EXIT.usage,
      `http: ${other} and ${entry} are in each other's way: give one of them`,
    );
}

function* useAddress(
  { entry, target, engine }: Wanted,
  options: PlaceOptions,
): Operation<Taken> {
  const { sockets } = options;
  const name = `http ${entry}`;
  const { at, socket } = areBound(engine)
    ? yield* call(() => bind(name, target, options))
    : yield* call(() => find(name, target, options));
  if (typeof at === "string")
    return { name, socket, where: { unix: at, ...(engine && { engine }) } };
  if (isAnyPort(target))
    yield* useClaim(sockets, cannotListen(entry), namesOf(at));
  const share = !isNodeAlone(engine);
  const where = { ...target, port: at.port, share, ...(engine && { engine }) };
  return { name, socket, where };
}

const isAnyPort = (target: Target): boolean =>
  "port" in target && target.port === 0;

const cannotListen = (entry: string): string =>
  `http: cannot listen on ${entry}`;

type Found = { at: At; socket?: number };

/** The socket that the workers share: bound now, or by the supervisor before this one. */
async function bind(
  name: string,
  target: Target,
  { sockets, identity }: PlaceOptions,
): Promise<Found> {
  const at = sockets.given(name)?.at;
  const socket = sockets.adopt(name);
  if (at !== undefined && socket !== undefined) return { at, socket };
  const bound = await refusing("http", () => bindSocket(target, identity));
  sockets.keep(name, bound);
  return { at: bound.at, socket: bound.handle.fd };
}

/** Workers open their own; those of the supervisor before this one are there already. */
async function find(
  name: string,
  target: Target,
  { sockets }: PlaceOptions,
): Promise<Found> {
  if ("path" in target) return { at: target.path };
  const at = sockets.given(name)?.at ?? (await tryToListen(target));
  sockets.note(name, at);
  return { at };
}

/** With what will be the engine in the workers: where it is Node's, they share a socket. */
async function wantedOf({
  settings,
  identity,
  log,
  faultOfUws,
}: WorkersPlaceOptions): Promise<Wanted[]> {
  const addresses = settings.http.map((entry) => ({
    entry,
    ...parseHttpAddress(entry)!,
  }));
  const isAuto = addresses.some(
    ({ engine }) => (engine ?? settings.engine) === "auto",
  );
  const best = isAuto ? await bestEngine(settings, log, faultOfUws) : "auto";
  return addresses.map(({ entry, target, engine: own }) => {
    const choice = own ?? settings.engine;
    const engine = engineAt(
      target,
      choice === "auto" ? best : choice,
      identity,
    );
    const isLeft = own === undefined && engine === "auto";
    return { entry, target, engine: isLeft ? undefined : engine };
  });
}

/** What `auto` means here: `auto` itself where uWebSockets.js loads. */
async function bestEngine(
  settings: Settings,
  log: Logger,
  faultOfUws: WorkersPlaceOptions["faultOfUws"],
): Promise<EngineChoice> {
  if (needsNode({ http2: settings.http2, tls: tlsOf(settings) })) return "node";
  const reason = await faultOfUws();
  if (reason === "") return "auto";
  log.warn(withoutUws(reason));
  return "node";
}

/** What is claimed for it. A host that there is not is left to the attempt to listen, which says so. */
async function named(target: Target): Promise<string[]> {
  if ("path" in target) return [resolve(target.path)];
  const { host, port } = target;
  if (host === undefined) return namesOf({ address: "::", port });
  const found = await lookup(host).catch(() => undefined);
  return found === undefined ? [] : namesOf({ address: found.address, port });
}

async function tryToListen(target: Target): Promise<AddressInfo> {
  const probe = createServer();
  await refusing("http", () => listenAt(probe, target));
  const at = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return at;
}

/** The workers share a socket of the supervisor's. */
const areBound = (engine: EngineChoice | undefined): boolean =>
  CAN_BIND && engine === "node";

/** On systems where they cannot. */
const isNodeAlone = (engine: EngineChoice | undefined): boolean =>
  !CAN_BIND && engine === "node";

/** Nothing that could be shared: one worker starts when the one before has ended. */
export const isAlone = ({ fd, share = false }: ListenOptions): boolean =>
  fd === undefined && !share;

/** @throws {CommandFailure} for several workers where only one can be. */
function checkAlone({ workers }: Settings, wanted: readonly Wanted[]): void {
  if (workers === 1) return;
  for (const { target, engine } of wanted) {
    if (isNodeAlone(engine))
      throw new CommandFailure(
        EXIT.usage,
        `${workers} workers cannot share a socket of Node's on this system: give --workers 1`,
      );
    if ("path" in target && engine !== "node")
      throw new CommandFailure(
        EXIT.usage,
        `${workers} workers cannot share the Unix socket of --http ${target.path} by uWebSockets.js: give --engine node, or --workers 1`,
      );
  }
}
