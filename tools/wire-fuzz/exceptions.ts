/** Where eddy lets an application see a request that node:http does not, or waits where node:http answers; and why. */
import type { Noted } from "./journal.ts";
import { KNOWN_TO_NODE } from "./request.ts";

interface Exception {
  readonly name: string;
  readonly reason: string;
  /** Whether it may be the reason, by all that was sent and by what eddy made of it. */
  readonly covers: (bytes: string, eddy: Noted) => boolean;
}

export const exceptions: readonly Exception[] = [
  {
    name: "bytes above 0x7f",
    reason:
      "llhttp takes none in a target, and reads header fields as latin-1; the engine reads UTF-8, and cuts them off at the ends of a value",
    covers: (bytes) => /[\x80-\xff]/.test(bytes),
  },
  {
    name: "bodies in chunks",
    reason: "the engine skips what it does not expect between chunks",
    covers: (bytes) => /transfer-encoding/i.test(bytes),
  },
  {
    name: "a field without a name",
    reason: "for the engine it ends the fields; llhttp refuses it",
    covers: (bytes) => /\n[ \t]*:/.test(bytes),
  },
  {
    name: "methods of one's own",
    reason: "llhttp takes the methods that are registered, and no other",
    covers: (_, { calls, methods }) =>
      [...methods, ...calls.map(methodOf)].some(
        (method) => !KNOWN_TO_NODE.has(method),
      ),
  },
  {
    name: "white space behind a length",
    reason: "llhttp takes no tab there",
    covers: (bytes) => /content-length:[^\n]*\t *\r/i.test(bytes),
  },
  {
    name: "expectations",
    reason:
      "node:http refuses those that it does not know; the engine knows one, in lower case, and ignores others",
    covers: (bytes) =>
      [...bytes.matchAll(/^expect:(.*)$/gim)].some(
        ([, value]) => value!.trim() !== "100-continue",
      ),
  },
  {
    name: "an empty line, or a CR, before a request",
    reason: "llhttp skips it; the engine waits for more",
    covers: (bytes) =>
      /(?:^|\n\r\n|[^\n])\r\n\S+ \S+ HTTP\/1.1\r/.test(bytes) ||
      /\r\S+ \S+ HTTP\/1.1\r/.test(bytes) ||
      /(?:^|\n\r\n)[\r\n]/.test(headsOf(bytes)),
  },
  {
    name: "a line without a version",
    reason: "HTTP/0.9 for llhttp; the engine waits for more",
    covers: (bytes) =>
      [bytes, headsOf(bytes)].some((all) => /^[A-Z-]+ \S+$/m.test(all)),
  },
  {
    name: "upgrades",
    reason: "node:http looks at nothing behind one; eddy ignores it",
    covers: (bytes) => /^upgrade:/im.test(bytes),
  },
  {
    name: "requests behind one that says close",
    reason: "a gap that the wire corpus names: the engine has them already",
    covers: (bytes) => /^connection:[^\n]*close/im.test(bytes),
  },
  {
    name: "DEL and # in a query",
    reason: "a gap that the wire corpus names: eddy looks at the path alone",
    covers: (bytes) => /\?[^ \n]*[#\x7f]/.test(bytes),
  },
];

/** One head behind the other: what is left when the bodies are taken out, by the lengths that are announced. */
function headsOf(bytes: string): string {
  let heads = "";
  for (let rest = bytes; rest !== "";) {
    const head = /^[^]*?\r\n\r\n/.exec(rest)?.[0] ?? rest;
    const [, length = "0"] = /content-length:[ \t]*(\d+)/i.exec(head) ?? [];
    heads += head;
    rest = rest.slice(head.length + Number(length));
  }
  return heads;
}

function methodOf(call: string): string {
  const [, inEnviron] = /^REQUEST_METHOD=(.*)$/m.exec(call) ?? [];
  return inEnviron ?? call.slice(0, call.indexOf(" "));
}
