/** What is wrong with a site of nginx in front of eddy. */
import { Proxies } from "../../request/proxies.ts";
import {
  allOf,
  look,
  once,
  seconds,
  type Check,
  type Finding,
  type Look,
  type Setup,
} from "./finding.ts";
import { lookAtNginxTls } from "./nginx-tls.ts";
import {
  leadsHere,
  leadsSomewhere,
  passesIn,
  lineIn,
  placeOf,
  type Pass,
  type Placed,
} from "./nginx-passes.ts";
import {
  configurationsOf,
  NginxSyntaxError,
  readNginx,
  type Block,
  type Reading,
} from "./nginx-syntax.ts";
import { givesUpEarly, keepsTooLong, servesHttp10 } from "./setup.ts";
import type { Source } from "./text.ts";

const EVENTS = /(^|[/_-])(events?|sse|event-?stream|eventsource|live)\b/i;
const SOCKETS = /(^|[/_-])(ws|wss|websockets?|sockets?|socket\.io|cable)\b/i;

/** `heartbeatMs` of `events()`. */
const HEARTBEAT_MS = 15_000;

/** keepalive_timeout of an upstream that does not say it. */
const UPSTREAM_IDLE = "60s";

const keepsConnections = (upstream: Block | undefined): boolean =>
  !/^0?$/.test((upstream && lineIn(upstream, "keepalive"))?.words[0] ?? "");

/** Fields by which a client, or somebody on the way, says who it is; and what nginx itself says. */
const OF_CLIENT = /\$\{?http_(x_)?(forwarded|real_ip)/;
const OF_NGINX =
  /\$\{?(\w*remote_addr|proxy_add_x_forwarded_for|proxy_protocol_addr)/;

const proxy =
  (wrong: Check<Pass>["wrong"]) =>
  (pass: Pass): ReturnType<Check<Pass>["wrong"]> =>
    pass.kind === "proxy" && wrong(pass);

/** For header fields: nothing where they are not known. */
const fields =
  (
    wrong: (
      all: ReadonlyMap<string, string>,
      pass: Pass,
    ) => ReturnType<Check<Pass>["wrong"]>,
  ) =>
  (pass: Pass): ReturnType<Check<Pass>["wrong"]> =>
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
      (all, { upstream, texts }) =>
        keepsConnections(upstream) &&
        texts(all.get("connection") ?? "close", "plain").includes("close") &&
        "the upstream keeps connections, but each request asks for its connection's end",
    ),
    todo: 'proxy_set_header Connection "";  and proxy_http_version 1.1;',
  },
  {
    code: "front-idle-time",
    wrong: proxy(({ upstream, fields: all, texts }) => {
      const connection = all === undefined ? "" : all.get("connection");
      const isKept =
        keepsConnections(upstream) &&
        !texts(connection ?? "close", "plain").includes("close");
      if (!isKept || upstream === undefined) return false;
      const line = lineIn(upstream, "keepalive_timeout");
      const what = keepsTooLong(
        line === undefined ? "nginx by itself" : "nginx",
        msOf(line?.words[0] ?? UPSTREAM_IDLE),
      );
      const where = placeOf(line ?? lineIn(upstream, "keepalive")!);
      return what && { what, where };
    }),
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
    wrong: fields((all, { setup, texts }) => {
      if (setup.settings.proxyHeader === "proxy-v2") return false;
      const name =
        setup.settings.proxyHeader === "forwarded"
          ? "forwarded"
          : "x-forwarded-for";
      const value = all.get(name);
      if (value === undefined)
        return `nobody says who the client is: ${name} is passed on as the client sent it`;
      const word = texts(value, "all").find(
        (text) => OF_CLIENT.test(text) && !OF_NGINX.test(text),
      );
      if (word === undefined) return false;
      return `${name} is what the client itself says${word === value ? "" : ` (${value} may be ${word})`}`;
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
    wrong: fields((all, { path, texts }) => {
      const passes =
        all.has("upgrade") &&
        texts(all.get("connection") ?? "close", "all").some(
          (text) => !/^(close|keep-alive)?$/i.test(text),
        );
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
      if (isTrusted) return false;
      const [shown, entry] = !isHere
        ? ["any address", "ADDRESS  (that of nginx, as eddy sees it)"]
        : peer === ""
          ? ["unix", "unix"]
          : [peer, "loopback"];
      const more = trustProxy.length > 0 ? "  (beside what is there)" : "";
      return {
        what: `eddy does not believe what this nginx says of the client: trustProxy does not list ${shown}`,
        todo: `--trust-proxy ${entry}${more}`,
      };
    }),
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

/** What is wrong with the sites in these files, which are one configuration. */
export function lookAtNginx(sources: readonly Source[], setup: Setup): Look {
  const read = sources.map((source) => readOr(source));
  const readings = read.flatMap(({ reading }) => reading ?? []);
  const broken = read.flatMap(({ findings }) => findings);
  const looks = configurationsOf(readings).map((root) =>
    lookAtConfiguration(root, setup),
  );
  const isOurs = looks.some(({ known }) => known.length > 0);
  const { findings, notes } = allOf(looks);
  return {
    findings: [...broken, ...findings],
    known: isOurs
      ? sources.map(({ file }) => file)
      : broken.map(({ where }) => where),
    notes,
  };
}

function readOr(source: Source): {
  reading?: Reading;
  findings: readonly Finding[];
} {
  try {
    return { reading: readNginx(source), findings: [] };
  } catch (error) {
    if (!(error instanceof NginxSyntaxError)) throw error;
    const { file: where, isNamed } = source;
    if (!isNamed && !where.endsWith(".conf")) return { findings: [] }; // something else with braces
    const todo = "nginx -t says the same";
    return {
      findings: [{ code: "file-syntax", where, what: error.message, todo }],
    };
  }
}

/** `known`: where it hands requests on. */
function lookAtConfiguration(root: Block, setup: Setup): Look {
  const passes = [...passesIn(root, [root], setup)];
  const isGiven = setup.given.has("http") || setup.given.has("uwsgi");
  const ours = passes.filter(({ pass }) => !isGiven || leadsHere(pass));
  const isAstray = ours.length === 0 && passes.every(leadsSomewhere);
  if (passes.length === 0) return { findings: [], known: [], notes: [] };
  const tls = lookAtNginxTls(root);
  return {
    findings: [
      ...(isAstray ? [addressFinding(passes[0]!, setup)] : []),
      ...once((isAstray ? passes : ours).flatMap(lookAtPass)),
      ...tls.findings,
    ],
    known: passes.map(({ where }) => where),
    notes: tls.notes,
  };
}

/** What would be right if its block inherited what it does not is said once, and by its cause. */
function lookAtPass({ where, pass, inherited }: Placed): Finding[] {
  const found = look(where, pass, CHECKS);
  if (inherited === undefined) return found;
  const stay = look(where, inherited.pass, CHECKS).map(({ code }) => code);
  const kept = found.filter(({ code }) => stay.includes(code));
  if (kept.length === found.length) return found;
  const { own, outer, lost } = inherited;
  return [
    {
      code: "front-inheritance",
      where: own,
      what: `a ${inherited.name} here makes its block inherit none of those at ${outer}: ${lost.join(", ")} ${lost.length === 1 ? "is" : "are"} not set`,
      todo: `write the lines of ${outer} here again, or all of them into a file that both blocks include`,
    },
    ...kept,
  ];
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
