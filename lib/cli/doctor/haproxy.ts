/** What is wrong with an HAProxy in front of eddy. */
import { parseTarget } from "../../engine/target.ts";
import {
  look,
  seconds,
  type Check,
  type Finding,
  type Setup,
} from "./finding.ts";
import {
  givesUpEarly,
  httpTargets,
  keepsTooLong,
  servesHttp10,
} from "./setup.ts";
import { wordsOf } from "./text.ts";

interface Line {
  readonly words: readonly string[];
  readonly line: number;
}

/** A section: `defaults`, `frontend`, `backend`, `listen`, … */
interface Section {
  readonly kind: string;
  readonly name: string;
  readonly line: number;
  readonly lines: readonly Line[];
}

/** A section with servers, and all that holds on the way to them. */
interface Way {
  readonly setup: Setup;
  readonly isHttp: boolean;
  readonly isTls: boolean;
  readonly servers: readonly Line[];
  /** What stands in it, in the frontends that lead to it, and in the defaults of both, a line as text. */
  readonly text: readonly string[];
  /** Those of its own, and of its defaults. */
  readonly own: readonly string[];
  /** The last line that says it, `no` counted. */
  readonly isOn: (option: string) => boolean;
  /** Some line sets that header field of the request, or removes it. */
  readonly sets: (field: string) => boolean;
}

const http =
  (wrong: (way: Way) => string | false) =>
  (way: Way): string | false =>
    way.isHttp && wrong(way);

const CHECKS: readonly Check<Way>[] = [
  {
    code: "front-forwarded-for",
    wrong: http(
      ({ isOn, sets, setup }) =>
        setup.settings.proxyHeader !== "proxy-v2" &&
        !isOn("forwardfor") &&
        !isOn("forwarded") &&
        !sets("x-forwarded-for") &&
        !sets("forwarded") &&
        "nobody says who the client is: x-forwarded-for is passed on as the client sent it",
    ),
    todo: "option forwardfor",
  },
  {
    code: "front-forwarded-proto",
    wrong: http(
      ({ isOn, sets, setup, isTls }) =>
        setup.settings.proxyHeader === "x-forwarded" &&
        (isTls || setup.settings.trustProxy.length > 0) &&
        !isOn("forwarded") &&
        !sets("x-forwarded-proto") &&
        "the application does not learn whether the client came by https; a client's own x-forwarded-proto is passed on",
    ),
    todo: "http-request set-header X-Forwarded-Proto https if { ssl_fc }  (http unless { ssl_fc })",
  },
  {
    code: "front-forwarded-host",
    wrong: http(
      ({ sets, setup }) =>
        setup.settings.proxyHeader === "x-forwarded" &&
        setup.settings.trustProxy.length > 0 &&
        !sets("x-forwarded-host") &&
        "a client's own x-forwarded-host is passed on, and trustProxy has it believed",
    ),
    todo: "http-request set-header X-Forwarded-Host %[req.hdr(host)]  (or del-header X-Forwarded-Host)",
  },
  {
    code: "front-http-1.0",
    wrong: ({ own, isOn, setup, servers }) =>
      isOn("httpchk") &&
      servers.some(({ words }) => words.includes("check")) &&
      !own.some((line) =>
        /^(option httpchk|http-check) .*HTTP\/[12]/.test(line),
      ) &&
      !servesHttp10(setup) &&
      "the health check asks by HTTP/1.0, which uWebSockets.js does not serve: the server is taken for dead",
    todo: "http-check send meth GET uri /healthz ver HTTP/1.1 hdr Host localhost  (or run eddy with --engine node)",
  },
  {
    code: "front-keep-alive",
    wrong: http(
      ({ isOn }) =>
        (isOn("httpclose") || isOn("http-server-close")) &&
        "each request makes a connection to eddy of its own",
    ),
    todo: "leave option httpclose and http-server-close out",
  },
  {
    code: "front-idle-time",
    wrong: http(({ own }) => {
      const delay = own
        .map((line) => /\bpool-purge-delay (\S+)/.exec(line)?.[1])
        .find((given) => given !== undefined);
      const ms = delay === undefined ? 0 : msOf(delay);
      return keepsTooLong("HAProxy", ms);
    }),
    todo: "pool-purge-delay 25s",
  },
  {
    code: "front-timeout",
    wrong: ({ own, setup: { settings } }) => {
      const given = lastOf(own, /^timeout server (\S+)/);
      if (given === undefined) return false;
      const ms = msOf(given);
      if (ms < 1000)
        return `timeout server ${given} is ${ms} milliseconds: no reply is so quick`;
      return givesUpEarly("HAProxy", ms, seconds(ms), settings);
    },
    todo: "timeout server longer than requestTimeout, with its unit: 60s",
  },
  {
    code: "front-retry",
    wrong: ({ own }) => {
      const retried = lastOf(own, /^retry-on (.*)/) ?? "conn-failure";
      return (
        !/^(none|conn-failure|empty-response( conn-failure)?)$/.test(retried) &&
        !own.some((line) => /disable-l7-retry/.test(line)) &&
        "a POST that a server has got already is sent to another one: it may be done twice"
      );
    },
    todo: "retry-on conn-failure  (or http-request disable-l7-retry if METH_POST)",
  },
  {
    code: "front-proxy-protocol",
    wrong: ({ servers, setup: { settings, given } }) => {
      const has = (word: string): boolean =>
        servers.some(({ words }) => words.includes(word));
      if (has("send-proxy"))
        return "send-proxy is version 1 of the PROXY protocol, which eddy does not understand";
      const sends = has("send-proxy-v2") || has("send-proxy-v2-ssl");
      if (given.size === 0 || sends === (settings.proxyHeader === "proxy-v2"))
        return false;
      return sends
        ? "HAProxy tells the client by the PROXY protocol, and eddy does not look at it (proxyHeader)"
        : "eddy expects the PROXY protocol (proxyHeader), and HAProxy does not send it";
    },
    todo: "send-proxy-v2 at the server, and --proxy-header proxy-v2; or neither",
  },
  {
    code: "front-scheme",
    wrong: ({ servers, setup: { settings, given } }) => {
      const isTls = servers.some(({ words }) => words.includes("ssl"));
      if (given.size === 0 || isTls === settings.tlsCert.length > 0)
        return false;
      return isTls
        ? "HAProxy speaks TLS to an address where eddy speaks plain HTTP"
        : "HAProxy speaks plain HTTP to an address where eddy speaks TLS";
    },
    todo: "ssl at the server where eddy has --tls-cert, and only there",
  },
  {
    code: "front-not-trusted",
    wrong: http(
      ({ isOn, setup: { settings, given } }) =>
        given.size > 0 &&
        isOn("forwardfor") &&
        settings.trustProxy.length === 0 &&
        "eddy does not believe what this HAProxy says of the client: trustProxy lists nobody",
    ),
    todo: "--trust-proxy loopback  (or the address of HAProxy)",
  },
];

const SECTION =
  /^(global|defaults|frontend|backend|listen|peers|resolvers|userlist|cache|program|mailers|ring)\b/;

export const isHaproxy = (text: string): boolean =>
  /^(defaults|frontend|backend|listen)\b.*$/m.test(text) &&
  /^\s+(mode|bind|server|timeout|default_backend|option|log)\b/m.test(text);

/** What is wrong with the servers in it; undefined where it has none. */
export function lookAtHaproxy(
  file: string,
  text: string,
  setup: Setup,
): Finding[] | undefined {
  const sections = [...sectionsOf(text)];
  const ways = sections
    .map((section) => ({ section, way: wayOf(section, sections, setup) }))
    .filter(({ way }) => way.servers.length > 0);
  if (ways.length === 0) return undefined;
  const ours = ways.filter(
    ({ way }) => !setup.given.has("http") || leadsHere(way),
  );
  if (ours.length === 0)
    return [
      {
        code: "front-address",
        where: `${file}:${ways[0]!.section.line}`,
        what: `HAProxy hands requests to ${ways[0]!.way.servers.map(({ words }) => words[2]).join(", ")}, but eddy listens at ${setup.settings.http.join(", ")}`,
        todo: "the same address in both",
      },
    ];
  return ours.flatMap(({ section, way }) =>
    look(`${file}:${section.line}`, way, CHECKS),
  );
}

function leadsHere({ servers, setup }: Way): boolean {
  const ports = httpTargets(setup).map((one) =>
    "port" in one ? one.port : one.path,
  );
  return servers.some(({ words: [, , address = ""] }) => {
    const target = parseTarget(
      address.replace(/^\//, "unix:/").replace(/^unix@/, "unix:"),
    );
    return (
      target !== undefined &&
      ports.includes("port" in target ? target.port : target.path)
    );
  });
}

function* sectionsOf(text: string): Generator<Section> {
  let section:
    { kind: string; name: string; line: number; lines: Line[] } | undefined;
  for (const [i, raw] of text.split("\n").entries()) {
    const words = wordsOf(raw.replace(/(^|\s)#.*/, ""));
    if (words.length === 0) continue;
    if (SECTION.test(raw)) {
      if (section !== undefined) yield section;
      section = {
        kind: words[0]!,
        name: words[1] ?? "",
        line: i + 1,
        lines: [],
      };
    } else section?.lines.push({ words, line: i + 1 });
  }
  if (section !== undefined) yield section;
}

function wayOf(
  section: Section,
  sections: readonly Section[],
  setup: Setup,
): Way {
  const fronts = sections.filter(
    ({ kind, lines }) =>
      kind === "frontend" &&
      lines.some(
        ({ words: [name, backend] }) =>
          (name === "default_backend" || name === "use_backend") &&
          backend === section.name,
      ),
  );
  const own = linesFor(section, sections);
  const text = [
    ...fronts.flatMap((front) => linesFor(front, sections)),
    ...own,
  ];
  const isServing = section.kind === "backend" || section.kind === "listen";
  return {
    setup,
    own,
    text,
    servers: isServing
      ? section.lines.filter(({ words }) => words[0] === "server")
      : [],
    isHttp: lastOf(own, /^mode (\S+)/) === "http",
    isTls: text.some((line) => /^bind\b.* ssl\b/.test(line)),
    isOn: (option) => {
      const last = text.findLast((line) =>
        new RegExp(`^(no )?option ${option}( |$)`).test(line),
      );
      return last !== undefined && !last.startsWith("no ");
    },
    sets: (field) =>
      text.some((line) =>
        new RegExp(
          `^http-request (set-header|add-header|del-header|replace-header) ${field}( |$)`,
          "i",
        ).test(line),
      ),
  };
}

/** Behind those of the defaults above it, which it may name (`from`). */
function linesFor(section: Section, sections: readonly Section[]): string[] {
  const before = sections.slice(0, sections.indexOf(section));
  const defaults = before.findLast(({ kind }) => kind === "defaults");
  return [...(defaults?.lines ?? []), ...section.lines].map(({ words }) =>
    words.join(" "),
  );
}

const lastOf = (
  lines: readonly string[],
  pattern: RegExp,
): string | undefined =>
  lines
    .map((line) => pattern.exec(line)?.[1])
    .findLast((found) => found !== undefined);

const UNITS: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** As HAProxy writes times: milliseconds without a unit. */
function msOf(text: string): number {
  const [, number = "", unit = "ms"] =
    /^(\d+)(us|ms|[smhd])?$/.exec(text) ?? [];
  return Number(number) * UNITS[unit]!;
}
