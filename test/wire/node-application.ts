/** The applications of application.ts, as somebody would write them on node:http alone. */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { buffer } from "node:stream/consumers";
import { setImmediate } from "node:timers/promises";
import { parse as parseCookies } from "cookie";
import { echo, listCookies, showEnviron, type Heard } from "./answers.ts";
import { PROBED } from "./play.ts";

/** With the parser's own limits, and as strict as it is by default. */
export function createNodeServer(calls: string[]): Server {
  return createServer({ insecureHTTPParser: false }, (request, response) => {
    answer(request, response, calls).catch(() => response.destroy()); // the client left in the middle of a body
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  calls: string[],
): Promise<void> {
  const { method = "", url = "" } = request;
  const [path, query] = split(url, "?");
  const fields = fieldsOf(request);
  if (path === "/probe") return void response.end(PROBED);
  const known = ROUTES.find(({ matches }) => matches.test(path));
  if (known === undefined) return refuse(response, 404);
  const allowed = known.methods ?? [method];
  if (!allowed.includes(method))
    return refuse(response, 405, { allow: allowed.join(", ") });
  const announced = Number(request.headers["content-length"] ?? 0);
  if (announced > (known.maxBodyBytes ?? Infinity))
    return refuse(response, 413, { connection: "close" });
  calls.push(`${method} ${path}`);
  const heard = { method, path, query, fields };
  await known.answer(response, heard, async () => {
    const body = await buffer(request);
    if (body.length <= (known.maxBodyBytes ?? Infinity)) return body;
    refuse(response, 413, { connection: "close" });
    throw new Error("too large");
  });
}

interface NodeRoute {
  matches: RegExp;
  methods?: string[];
  maxBodyBytes?: number;
  answer: (
    response: ServerResponse,
    heard: Omit<Heard, "body">,
    read: () => Promise<Buffer>,
  ) => Promise<unknown>;
}

const GET = ["GET", "HEAD"];

const answerEcho: NodeRoute["answer"] = async (response, heard, read) =>
  response.end(echo({ ...heard, body: (await read()).toString() }));

const ROUTES: NodeRoute[] = [
  {
    matches: /^\/text$/,
    methods: GET,
    answer: async (response) =>
      response.setHeader("content-length", 5).end("hello"),
  },
  {
    matches: /^\/204$/,
    methods: GET,
    answer: async (response) => response.writeHead(204).end(),
  },
  {
    matches: /^\/304$/,
    methods: GET,
    answer: async (response) => response.writeHead(304, { etag: '"a"' }).end(),
  },
  {
    matches: /^\/cookies$/,
    methods: GET,
    answer: async (response, { fields }) => {
      const sent = fields.filter(([name]) => name === "cookie");
      const cookies = sent.map(([, value]) => value).join("; ");
      response.end(listCookies(parseCookies(cookies)));
    },
  },
  {
    matches: /^\/turn$/,
    methods: GET,
    answer: async (response) => {
      await setImmediate();
      response.end("a turn later");
    },
  },
  { matches: /^\/deaf$/, answer: async (response) => response.end("not read") },
  { matches: /^\/echo(\/|$)/, answer: answerEcho },
  { matches: /^\/small(\/|$)/, maxBodyBytes: 4, answer: answerEcho },
  {
    matches: /^\/wsgi(\/|$)/,
    answer: async (response, heard, read) => {
      const body = (await read()).toString("latin1");
      response.end(Buffer.from(showEnviron(environOf(heard), body), "latin1"));
    },
  },
];

function refuse(
  response: ServerResponse,
  status: number,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, headers).end();
}

function fieldsOf({ rawHeaders }: IncomingMessage): [string, string][] {
  const fields: [string, string][] = [];
  for (let i = 0; i < rawHeaders.length; i += 2)
    fields.push([rawHeaders[i]!.toLowerCase(), rawHeaders[i + 1]!]);
  return fields;
}

/** PEP 3333, "environ Variables". */
export function environOf({
  method,
  path,
  query,
  fields,
}: Omit<Heard, "body">): Record<string, string> {
  const environ: Record<string, string> = {
    REQUEST_METHOD: method,
    PATH_INFO: path
      .slice("/wsgi".length)
      .replace(/%(..)/g, (_, hex: string) =>
        String.fromCharCode(parseInt(hex, 16)),
      ),
    QUERY_STRING: query,
  };
  for (const [name, value] of fields.filter(([name]) => !name.includes("_"))) {
    const key = name.toUpperCase().replaceAll("-", "_");
    const cgi = /^CONTENT_(TYPE|LENGTH)$/.test(key) ? key : `HTTP_${key}`;
    const before = environ[cgi];
    const comma = cgi === "HTTP_COOKIE" ? "; " : ",";
    environ[cgi] = before === undefined ? value : before + comma + value;
  }
  return environ;
}

function split(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
