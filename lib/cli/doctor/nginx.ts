/** What is wrong with a site of nginx in front of eddy. */
import { parseTarget, type Target } from "../../engine/target.ts";
import { Proxies } from "../../request/proxies.ts";
import {
  look,
  seconds,
  type Check,
  type Finding,
  type Setup,
} from "./finding.ts";
import {
  NginxSyntaxError,
  readNginx,
  type Block,
  type Directive,
} from "./nginx-syntax.ts";
import {
  givesUpEarly,
  httpTargets,
  keepsTooLong,
  servesHttp10,
} from "./setup.ts";

/** A `proxy_pass` or `uwsgi_pass`, and what holds there. */
interface Pass {
  readonly setup: Setup;
  readonly kind: "proxy" | "uwsgi";
  readonly scheme: string;
  /** Paths of the location; empty outside. */
  readonly path: string;
  /** The servers behind it. */
  readonly targets: readonly string[];
  readonly upstream: Block | undefined;
  readonly isTls: boolean;
  /** All files that are included are here. */
  readonly isWhole: boolean;
  /** The words of a directive: those of the innermost block that has it. */
  readonly value: (name: string) => readonly string[] | undefined;
  /** Values of header fields by their names in lower case; undefined where a file that says them is not here. */
  readonly fields: ReadonlyMap<string, string> | undefined;
  /** uwsgi parameters, as `fields`. */
  readonly parameters: ReadonlyMap<string, string> | undefined;
}

const EVENTS = /(^|[/_-])(events?|sse|event-?stream|eventsource|live)\b/i;
const SOCKETS = /(^|[/_-])(ws|wss|websockets?|sockets?|socket\.io|cable)\b/i;

/** `heartbeatMs` of `events()`. */
const HEARTBEAT_MS = 15_000;

const proxy =
  (wrong: (pass: Pass) => string | false | undefined) =>
  (pass: Pass): string | false | undefined =>
    pass.kind === "proxy" && wrong(pass);

/** For header fields: nothing where they are not known. */
const fields =
  (wrong: (all: ReadonlyMap<string, string>, pass: Pass) => string | false) =>
  (pass: Pass): string | false =>
    pass.kind === "proxy" &&
    pass.fields !== undefined &&
    wrong(pass.fields, pass);

const CHECKS: readonly Check<Pass>[] = [
  {
    code: "front-http-1.0",
    wrong: proxy(
      ({ setup, value, isWhole }) =>
        (value("proxy_http_version")?.[0] ?? (isWhole ? "1.0" : "")) ===
          "1.0" &&
        !servesHttp10(setup) &&
        "nginx speaks HTTP/1.0 to the servers behind it, which uWebSockets.js does not serve",
    ),
    todo: "proxy_http_version 1.1;  (or run eddy with --engine node)",
  },
  {
    code: "front-keep-alive",
    wrong: fields(
      (all, { upstream }) =>
        upstream !== undefined &&
        wordsIn(upstream, "keepalive") !== undefined &&
        (all.get("connection") ?? "close") === "close" &&
        "the upstream keeps connections, but each request asks for its connection's end",
    ),
    todo: 'proxy_set_header Connection "";  and proxy_http_version 1.1;',
  },
  {
    code: "front-idle-time",
    wrong: ({ upstream }) => {
      const given = upstream && wordsIn(upstream, "keepalive_timeout")?.[0];
      const ms = given === undefined ? 0 : msOf(given);
      return keepsTooLong("nginx", ms);
    },
    todo: "keepalive_timeout 25s;  in the upstream",
  },
  {
    code: "front-host",
    wrong: fields(
      (all) =>
        !all.has("host") &&
        !all.has("x-forwarded-host") &&
        "the application is asked for the name in proxy_pass, and not for the one that the client asked for",
    ),
    todo: "proxy_set_header Host $http_host;",
  },
  {
    code: "front-forwarded-for",
    wrong: fields((all, { setup }) => {
      if (setup.settings.proxyHeader === "proxy-v2") return false;
      const name =
        setup.settings.proxyHeader === "forwarded"
          ? "forwarded"
          : "x-forwarded-for";
      const value = all.get(name);
      if (value === undefined)
        return `nobody says who the client is: ${name} is passed on as the client sent it`;
      return (
        /\$http_(x_)?forwarded/.test(value) &&
        !value.includes("$remote_addr") &&
        `${name} is what the client itself says`
      );
    }),
    todo: "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
  },
  {
    code: "front-forwarded-proto",
    wrong: fields(
      (all, { setup, isTls }) =>
        setup.settings.proxyHeader === "x-forwarded" &&
        (isTls || setup.settings.trustProxy.length > 0) &&
        (!all.has("x-forwarded-proto") ||
          (isTls && all.get("x-forwarded-proto") === "http")) &&
        "the application does not learn whether the client came by https; a client's own x-forwarded-proto is passed on",
    ),
    todo: "proxy_set_header X-Forwarded-Proto $scheme;",
  },
  {
    code: "front-forwarded-host",
    wrong: fields(
      (all, { setup }) =>
        setup.settings.proxyHeader === "x-forwarded" &&
        setup.settings.trustProxy.length > 0 &&
        !all.has("x-forwarded-host") &&
        "a client's own x-forwarded-host is passed on, and trustProxy has it believed",
    ),
    todo: "proxy_set_header X-Forwarded-Host $http_host;",
  },
  {
    code: "front-buffering",
    wrong: ({ kind, path, value, isWhole }) => {
      const ignored = value(`${kind}_ignore_headers`)?.join(" ") ?? "";
      if (/x-accel-buffering/i.test(ignored))
        return "X-Accel-Buffering, by which event streams ask not to be held back, is ignored";
      return (
        EVENTS.test(path) &&
        (value(`${kind}_buffering`)?.[0] ?? (isWhole ? "on" : "")) === "on" &&
        "events are held back until a buffer is full, where the reply does not ask for the contrary itself"
      );
    },
    todo: "proxy_buffering off;  (uwsgi_buffering off;) in that location",
  },
  {
    code: "front-websocket",
    wrong: fields((all, { path }) => {
      const connection = all.get("connection") ?? "close";
      const passes =
        all.has("upgrade") && !/^(close|keep-alive)?$/i.test(connection);
      if (all.has("upgrade") && !passes)
        return "Upgrade is passed on, but Connection does not name it: no WebSocket opens";
      return (
        SOCKETS.test(path) &&
        !passes &&
        "the upgrade to WebSocket is not passed on: nginx drops Upgrade and Connection"
      );
    }),
    todo: 'proxy_set_header Upgrade $http_upgrade;  proxy_set_header Connection "upgrade";  in that location',
  },
  {
    code: "front-retry",
    wrong: ({ kind, value }) =>
      value(`${kind}_next_upstream`)?.includes("non_idempotent") &&
      "a POST that a server has got already is sent to another one: it may be done twice",
    todo: "leave non_idempotent out of proxy_next_upstream",
  },
  {
    code: "front-body-size",
    wrong: ({ setup: { settings, given }, value }) => {
      const text = value("client_max_body_size")?.[0] ?? "1m";
      const bytes = bytesOf(text) || Infinity;
      return (
        given.has("maxBody") &&
        settings.maxBody > bytes &&
        `nginx refuses bodies over ${text} (client_max_body_size), eddy would take more (maxBody)`
      );
    },
    todo: "client_max_body_size as large as maxBody",
  },
  {
    code: "front-timeout",
    wrong: ({ kind, path, setup: { settings }, value }) => {
      const text = value(`${kind}_read_timeout`)?.[0] ?? "60s";
      if (EVENTS.test(path) && msOf(text) <= HEARTBEAT_MS)
        return `nginx cuts a stream of events after ${text} of silence; events() sends something each ${seconds(HEARTBEAT_MS)}`;
      return givesUpEarly("nginx", msOf(text), text, settings);
    },
    todo: "proxy_read_timeout longer than requestTimeout",
  },
  {
    code: "front-scheme",
    wrong: proxy(({ setup, scheme }) => {
      const { given, settings } = setup;
      const isTls = settings.tlsCert.length > 0;
      if (given.size === 0 || isTls === (scheme === "https")) return false;
      return isTls
        ? "nginx speaks plain HTTP to an address where eddy speaks TLS"
        : "nginx speaks TLS to an address where eddy speaks plain HTTP";
    }),
    todo: "the scheme in proxy_pass that fits --tls-cert",
  },
  {
    code: "front-not-trusted",
    wrong: fields((all, { setup, targets }) => {
      const { given, settings } = setup;
      const says = ["x-forwarded-for", "forwarded"].some((name) =>
        all.has(name),
      );
      if (given.size === 0 || !says) return false;
      const peer = targets.some((target) => target.startsWith("unix:"))
        ? ""
        : "127.0.0.1";
      const isHere = targets.every((one) =>
        /^(unix:|127\.|localhost\b|\[::1\])/.test(one),
      );
      const { trustProxy, proxyHeader } = settings;
      const isTrusted = isHere
        ? new Proxies(trustProxy, proxyHeader).trust(peer)
        : trustProxy.length > 0;
      return (
        !isTrusted &&
        `eddy does not believe what this nginx says of the client: trustProxy does not list ${peer || "unix"}`
      );
    }),
    todo: "--trust-proxy loopback  (unix for a Unix socket, or the address of nginx)",
  },
  {
    code: "front-uwsgi-params",
    wrong: ({ kind, parameters }) =>
      kind === "uwsgi" &&
      parameters !== undefined &&
      !parameters.has("request_method") &&
      "the parameters of the request are not passed on: no method, path or client",
    todo: "include uwsgi_params;",
  },
];

/** What is wrong with the sites in it; undefined where it hands nothing on. */
export function lookAtNginx(
  file: string,
  text: string,
  setup: Setup,
): Finding[] | undefined {
  try {
    const root = readNginx(file, text);
    const passes = [...passesIn(root, [root], setup)];
    if (passes.length === 0) return undefined;
    const isGiven = setup.given.has("http") || setup.given.has("uwsgi");
    const ours = passes.filter(({ pass }) => !isGiven || leadsHere(pass));
    return [
      ...(ours.length === 0 ? [addressFinding(passes[0]!, setup)] : []),
      ...(ours.length === 0 ? passes : ours).flatMap(({ where, pass }) =>
        look(where, pass, CHECKS),
      ),
    ];
  } catch (error) {
    if (!(error instanceof NginxSyntaxError)) throw error;
    return [
      {
        code: "file-syntax",
        where: file,
        what: error.message,
        todo: "nginx -t says the same",
      },
    ];
  }
}

interface Placed {
  readonly where: string;
  readonly pass: Pass;
}

function addressFinding({ where, pass }: Placed, { settings }: Setup): Finding {
  const ours =
    pass.kind === "uwsgi"
      ? settings.uwsgi || "nowhere"
      : settings.http.join(", ");
  return {
    code: "front-address",
    where,
    what: `nginx hands requests to ${pass.targets.join(", ")}, but eddy listens at ${ours} for it`,
    todo: "the same address in both; proxy_pass for --http, uwsgi_pass for --uwsgi",
  };
}

/** Without a host, ours is any; a name may be this machine's. */
function leadsHere({ kind, targets, setup }: Pass): boolean {
  const { settings } = setup;
  const ours =
    kind === "proxy" ? httpTargets(setup) : [parseTarget(settings.uwsgi)];
  return targets.some((text) => {
    const target = parseTarget(text) ?? parseTarget(`${text}:80`);
    return (
      target !== undefined && ours.some((one) => one && isSame(one, target))
    );
  });
}

const isSame = (a: Target, b: Target): boolean =>
  "path" in a || "path" in b
    ? "path" in a && "path" in b && a.path === b.path
    : a.port === b.port;

function* passesIn(
  block: Block,
  around: readonly Block[],
  setup: Setup,
  path = "",
  isTls = false,
): Generator<Placed> {
  for (const directive of block.directives) {
    const kind = PASSES[directive.name];
    if (kind !== undefined)
      yield {
        where: `${directive.file}:${directive.line}`,
        pass: passOf(directive, kind, around, setup, path, isTls),
      };
    if (directive.block === undefined) continue;
    const { name, words } = directive;
    yield* passesIn(
      directive.block,
      [directive.block, ...around],
      setup,
      name === "location" ? `${path} ${words.join(" ")}` : path,
      isTls || hasTls(directive.block),
    );
  }
}

const PASSES: Readonly<Record<string, "proxy" | "uwsgi" | undefined>> = {
  proxy_pass: "proxy",
  uwsgi_pass: "uwsgi",
};

const hasTls = ({ directives }: Block): boolean =>
  directives.some(
    ({ name, words }) =>
      name === "listen" && words.some((word) => /^(ssl|quic)$/.test(word)),
  );

function passOf(
  { words }: Directive,
  kind: "proxy" | "uwsgi",
  around: readonly Block[],
  setup: Setup,
  path: string,
  isTls: boolean,
): Pass {
  const [, scheme = "http", rest = ""] =
    /^(?:(https?):\/\/)?(.*)$/.exec(words[0] ?? "") ?? [];
  const host = rest.startsWith("unix:")
    ? rest.replace(/:[^:/]*\/?$|:$/, "")
    : rest.replace(/\/.*/, "");
  const upstream = around
    .at(-1)!
    .directives.concat(...around.map(({ directives }) => directives))
    .find(({ name, words: [of] }) => name === "upstream" && of === host)?.block;
  const servers = upstream?.directives
    .filter(({ name }) => name === "server")
    .map((server) => server.words[0]!);
  return {
    setup,
    kind,
    scheme,
    path,
    isTls,
    isWhole: !around.some(({ isPart }) => isPart),
    upstream,
    targets: servers ?? [host],
    value: (name) => valueIn(around, name),
    fields: tableIn(around, "proxy_set_header"),
    parameters: tableIn(around, "uwsgi_param"),
  };
}

function valueIn(
  around: readonly Block[],
  name: string,
): readonly string[] | undefined {
  for (const block of around) {
    const found = wordsIn(block, name);
    if (found !== undefined) return found;
  }
  return undefined;
}

const wordsIn = (
  { directives }: Block,
  name: string,
): readonly string[] | undefined =>
  directives.findLast((one) => one.name === name)?.words;

/** Those of the innermost block that has any: outer ones count for nothing then. */
function tableIn(
  around: readonly Block[],
  name: string,
): ReadonlyMap<string, string> | undefined {
  for (const { directives, isPart } of around) {
    if (isPart) return undefined;
    const found = directives.filter((one) => one.name === name);
    if (found.length > 0)
      return new Map(
        found.map(({ words: [key = "", value = ""] }) => [
          key.toLowerCase(),
          value,
        ]),
      );
  }
  return new Map();
}

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** As nginx writes times: `60`, `90s`, `1h 30m`. */
export const msOf = (text: string): number =>
  [...text.matchAll(/(\d+)(ms|[smhd])?/g)].reduce(
    (sum, [, number, unit = "s"]) => sum + Number(number) * UNITS[unit]!,
    0,
  );

/** As nginx writes sizes: `512k`, `10m`; 0 is no limit. */
function bytesOf(text: string): number {
  const [, number, unit = ""] = /^(\d+)([kmg]?)$/i.exec(text) ?? [];
  return (
    Number(number) * 1024 ** ["", "k", "m", "g"].indexOf(unit.toLowerCase())
  );
}
