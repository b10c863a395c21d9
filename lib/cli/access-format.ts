/**
 * Access lines as text: a format string as Apache has it (`%h "%r" %>s`) or as Gunicorn has it (`%(h)s "%(r)s"`), read
 * once into a list of pieces.
 *
 * https://httpd.apache.org/docs/2.4/mod/mod_log_config.html, https://docs.gunicorn.org/en/stable/settings.html#access-log-format
 */
import {
  commonLogTime,
  escapeField,
  type AccessRecord,
} from "../exchange/access-log.ts";
import { CommandFailure, EXIT } from "./failure.ts";

/** Text that is the same in each line, or how to get what is not. */
type Piece = string | ((record: AccessRecord) => string | number);

export const COMBINED =
  '%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-agent}i"';
export const PRETTY = "%m %U%q %s %b %Mms %h %L";

/** What nobody should read in a log. */
export const SECRET_HEADERS = ["authorization", "cookie"];

const target = ({ request }: AccessRecord): string =>
  escapeField(request.mountPath + request.path);
const query = ({ request }: AccessRecord): string =>
  request.queryString && `?${escapeField(request.queryString)}`;

/** The letters that mean the same to both. */
const BOTH: Readonly<Record<string, Piece>> = {
  h: ({ request }) => request.remoteAddress || "-",
  l: "-",
  u: "-",
  t: () => `[${now()}]`,
  r: (record) =>
    `${escapeField(record.request.method)} ${target(record)}${query(record)} HTTP/1.1`,
  m: ({ request }) => escapeField(request.method),
  U: target,
  q: query,
  H: "HTTP/1.1",
  s: ({ status }) => status ?? "-",
  B: ({ bytes }) => bytes,
  b: ({ bytes }) => bytes || "-",
  D: ({ durationMs }) => Math.round(durationMs * 1000),
  T: ({ durationMs }) => Math.floor(durationMs / 1000),
};

const APACHE: Readonly<Record<string, Piece>> = {
  ...BOTH,
  L: ({ request }) => request.id,
  P: String(process.pid),
  M: ({ durationMs }) => Math.round(durationMs * 1000) / 1000, // not Apache's; Gunicorn's in this form
  O: ({ outcome }) => outcome, // ours
};

const GUNICORN: Readonly<Record<string, Piece>> = {
  ...BOTH,
  f: header("referer"),
  a: header("user-agent"),
  M: ({ durationMs }) => Math.round(durationMs),
  L: ({ durationMs }) => (durationMs / 1000).toFixed(6),
  p: `<${process.pid}>`,
};

function header(name: string): Piece {
  const key = name.toLowerCase();
  if (SECRET_HEADERS.includes(key)) return "[redacted]";
  return ({ request }) => escapeField(request.headers.get(key) ?? "-");
}

const DIRECTIVE =
  /%%|%>?([a-zA-Z])|%\{([^}]+)\}i|%\(([a-zA-Z])\)s|%\(\{([^}]+)\}i\)s|%/g;

/** @throws {CommandFailure} for a directive that does not exist. */
export function compileFormat(
  format: string,
): (record: AccessRecord) => string {
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of format.matchAll(DIRECTIVE)) {
    pieces.push(format.slice(end, match.index), pieceFor(match, format));
    end = match.index + match[0].length;
  }
  pieces.push(format.slice(end));
  const joined = join(pieces);
  return (record) => {
    let line = "";
    for (const piece of joined)
      line += typeof piece === "string" ? piece : piece(record);
    return line;
  };
}

/** The same with as few pieces as can be. */
function join(pieces: readonly Piece[]): Piece[] {
  const joined: Piece[] = [];
  for (const piece of pieces) {
    const last = joined.at(-1);
    if (typeof piece === "string" && typeof last === "string")
      joined[joined.length - 1] = last + piece;
    else if (piece !== "") joined.push(piece);
  }
  return joined;
}

function pieceFor(match: RegExpExecArray, format: string): Piece {
  const [written, apache, apacheHeader, gunicorn, gunicornHeader] = match;
  if (written === "%%") return "%";
  const name = apacheHeader ?? gunicornHeader;
  const piece =
    name !== undefined
      ? header(name)
      : apache !== undefined
        ? APACHE[apache]
        : GUNICORN[gunicorn ?? ""];
  if (piece === undefined)
    throw new CommandFailure(
      EXIT.usage,
      `logFormat: there is no ${written === "%" ? format.slice(match.index, match.index + 4) : written} in a format; there are ${Object.keys(
        APACHE,
      )
        .map((letter) => `%${letter}`)
        .join(" ")} %{name}i, and in Gunicorn's way ${Object.keys(GUNICORN)
        .map((letter) => `%(${letter})s`)
        .join(" ")} %({name}i)s`,
    );
  return piece;
}

/** Of this second: telling the time costs more than the rest of the line. */
const clock = { second: 0, text: "" };

function now(): string {
  const second = Math.floor(Date.now() / 1000);
  if (second !== clock.second) {
    clock.second = second;
    clock.text = commonLogTime(new Date(second * 1000));
  }
  return clock.text;
}
