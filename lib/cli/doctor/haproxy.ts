/** What is wrong with an HAProxy in front of eddy. */
import {
  look,
  once,
  seconds,
  type Check,
  type Finding,
  type Look,
  type Setup,
} from "./finding.ts";
import {
  lastOf,
  leadsHere,
  sectionsOf,
  waysIn,
  type Way,
} from "./haproxy-ways.ts";
import { lookAtHaproxyTls } from "./haproxy-tls.ts";
import { givesUpEarly, keepsTooLong, servesHttp10 } from "./setup.ts";
import type { Source } from "./text.ts";

/** A field that says who the client is, made of what the client said, for all of them. */
const COPIED =
  /^http-request set-header (x-forwarded-for|forwarded) (?!.*(%\[src|%ci| if | unless )).*hdr(_ip)?\((x-forwarded-for|forwarded|x-real-ip)/i;

const http =
  (wrong: Check<Way>["wrong"]) =>
  (way: Way): ReturnType<Check<Way>["wrong"]> =>
    way.isHttp && wrong(way);

const CHECKS: readonly Check<Way>[] = [
  {
    code: "front-forwarded-for",
    wrong: http(({ isOn, option, sets, setup, lines }) => {
      if (setup.settings.proxyHeader === "proxy-v2") return false;
      const copied = lines.find(({ text }) => COPIED.test(text));
      if (copied !== undefined)
        return {
          what: "x-forwarded-for is what the client itself says",
          where: copied.where,
          todo: "option forwardfor in its place, or %[src]",
        };
      if (isOn("forwarded") || sets("x-forwarded-for") || sets("forwarded"))
        return false;
      const forwardfor = option("forwardfor");
      const [, name = "x-forwarded-for"] =
        /\bheader (\S+)/i.exec(forwardfor?.text ?? "") ?? [];
      if (forwardfor === undefined || !/^x-forwarded-for$/i.test(name))
        return "nobody says who the client is: x-forwarded-for is passed on as the client sent it";
      return (
        /\bif-none\b/.test(forwardfor.text) && {
          what: "option forwardfor if-none leaves an x-forwarded-for that the client sent as it is: each client can say that it is another one",
          where: forwardfor.where,
          todo: "option forwardfor, without if-none; or http-request del-header X-Forwarded-For before it",
        }
      );
    }),
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

/** What is wrong with the servers in these files, which are one configuration. */
export function lookAtHaproxy(sources: readonly Source[], setup: Setup): Look {
  const sections = sectionsOf(sources);
  const ways = waysIn(sections, setup);
  const [first] = ways;
  if (first === undefined) return { findings: [], known: [], notes: [] };
  const ours = ways.filter((way) => !setup.given.has("http") || leadsHere(way));
  const tls = lookAtHaproxyTls(sections);
  return {
    findings: [
      ...(ours.length === 0
        ? [addressFinding(first, setup)]
        : once(ours.flatMap((way) => look(way.where, way, CHECKS)))),
      ...tls.findings,
    ],
    known: sources.map(({ file }) => file),
    notes: tls.notes,
  };
}

const addressFinding = (
  { where, servers }: Way,
  { settings }: Setup,
): Finding => ({
  code: "front-address",
  where,
  what: `HAProxy hands requests to ${servers.map(({ words }) => words[2]).join(", ")}, but eddy listens at ${settings.http.join(", ")}`,
  todo: "the same address in both",
});

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
