/** Reads the corpus. README.md beside this file describes the format; bytes are strings with one character a byte. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** One conversation on one connection. */
export interface Case {
  readonly name: string;
  /** What it shows, and where the RFC says so. */
  readonly why: string;
  readonly steps: readonly Step[];
  /** Afterwards the connection takes a further request, or it is closed. */
  readonly end: End;
}

/** `waiting`: for more of a request, more than a test would send. */
export type End = "open" | "closed" | "waiting";

/** What is sent, and what must have come back before the next step. */
export interface Step {
  readonly send: string;
  readonly replies: readonly Expected[];
  /** Calls of the application that nobody is answered for, as `POST /echo`. */
  readonly called: readonly string[];
}

/** What is not mentioned in a case is not looked at. */
export interface Expected {
  readonly status: number;
  /** It answers HEAD: there is no body, whatever the length says. */
  readonly head: boolean;
  /** It is the gateway's own: no application was called. */
  readonly own: boolean;
  readonly fields: [name: string, value: string][];
  body: string | undefined;
}

const ROOT = fileURLToPath(new URL("../../..", import.meta.url)); // seen from dist/test/wire
const FOLDER = join(ROOT, "test/wire");

/** Every case of `valid` or `invalid`, by name. */
export function readCorpus(kind: "valid" | "invalid"): Case[] {
  return readdirSync(join(FOLDER, kind))
    .filter((file) => file.endsWith(".http"))
    .sort()
    .map((file) =>
      parseCase(
        `${kind}/${file.slice(0, -".http".length)}`,
        readFileSync(join(FOLDER, kind, file), "latin1"),
      ),
    );
}

/** @throws {Error} when the text is no case. */
export function parseCase(name: string, text: string): Case {
  const [why, ...parts] = text.split(/^>>>\n/m);
  const outcomes = parts.map((part) => parseStep(name, part));
  const ends = outcomes.map(({ end }) => end);
  const end = ends.pop();
  if (end === undefined || ends.some((early) => early !== undefined))
    throw new Error(
      `${name}: the last step, and no other, says open or closed`,
    );
  if (why!.trim() === "") throw new Error(`${name}: it does not say why`);
  return { name, why: why!.trim(), steps: outcomes, end };
}

function parseStep(name: string, part: string): Step & { end?: End } {
  const [sent, outcome, more] = part.split(/^<<<\n/m);
  if (outcome === undefined || more !== undefined)
    throw new Error(`${name}: each >>> has one <<<`);
  const lines = outcome.split("\n").filter((line) => line !== "");
  return { send: unescape(sent!), ...parseOutcome(name, lines) };
}

/** @throws {Error} for a line that is no part of an outcome. */
export function parseOutcome(
  name: string,
  lines: readonly string[],
): Omit<Step, "send"> & { end?: End } {
  const replies: Expected[] = [];
  const called: string[] = [];
  let end: End | undefined;
  for (const line of lines) {
    const [, status, mark] = /^(\d{3})( head| own)?$/.exec(line) ?? [];
    const reply = replies.at(-1);
    if (status !== undefined)
      replies.push({
        status: Number(status),
        head: mark === " head",
        own: mark === " own",
        fields: [],
        body: undefined,
      });
    else if (line === "open" || line === "closed" || line === "waiting")
      end = line;
    else if (line.startsWith("called ")) called.push(line.slice(7));
    else if (reply === undefined || !describe(reply, line))
      throw new Error(`${name}: "${line}" is no part of an outcome`);
  }
  return { replies, called, ...(end && { end }) };
}

/** Takes a line of a body or a header field. */
function describe(reply: Expected, line: string): boolean {
  const [, name, value] = /^([a-z-]+): (.*)$/.exec(line) ?? [];
  if (/^\|( |$)/.test(line)) {
    const before = reply.body === undefined ? "" : `${reply.body}\n`;
    reply.body = before + unescape(line.slice(2));
  } else if (name === undefined) return false;
  else reply.fields.push([name, value!]);
  return true;
}

/** A line break is CRLF; the escapes are for what is not, and for what an editor would damage. */
const ESCAPE =
  /\\(?:x([0-9a-f]{2})|\((\d+)\*((?:\\.|[^\\)])*)\)|([rnt\\]|\n))|\n|\\/g;

const SHORT: Record<string, string | undefined> = {
  r: "\r",
  n: "\n",
  t: "\t",
  "\\": "\\",
  "\n": "",
};

/** @throws {Error} for a backslash that begins no escape. */
export function unescape(text: string): string {
  return text.replace(
    ESCAPE,
    (
      whole: string,
      hex?: string,
      times?: string,
      what?: string,
      letter = "",
    ) => {
      if (whole === "\n") return "\r\n";
      if (hex !== undefined) return String.fromCharCode(parseInt(hex, 16));
      if (times !== undefined) return unescape(what!).repeat(Number(times));
      const byte = SHORT[letter];
      if (byte === undefined) throw new Error(`no escape in ${text}`);
      return byte;
    },
  );
}
