/** The contract's applications, for the loop and for threads: each also as the export of its name. */
import type { WsgiApp } from "../../../../adapters/wsgi/types.ts";
import { validator } from "../../../../adapters/wsgi/validator.ts";
import type { Behaviours } from "../../contract.ts";

const TEXT: [string, string] = ["content-type", "text/plain"];

/** Bodies of `endless` that were told to end, here. */
let ended = 0;

export const apps: Behaviours<WsgiApp> = {
  echo(environ, start) {
    start("200 OK", [
      ["content-type", environ.CONTENT_TYPE ?? "text/plain"],
      ["x-method", environ.REQUEST_METHOD],
      ["x-path", environ.SCRIPT_NAME + environ.PATH_INFO],
      ["x-query", environ.QUERY_STRING],
      ["x-sent", (environ.HTTP_X_SENT as string | undefined) ?? ""],
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2"],
    ]);
    return [environ["wsgi.input"].read()];
  },
  status({ QUERY_STRING: code }, start) {
    const bodiless = code === "204" || code === "304";
    start(`${code} As Asked`, [
      ["x-status", code],
      ...(bodiless ? [] : [TEXT]),
    ]);
    return ["body"];
  },
  stream(environ, start) {
    start("200 OK", [TEXT]);
    return lines(Number(environ.QUERY_STRING));
  },
  throws() {
    throw new Error("on purpose");
  },
  throwsLate(_, start) {
    start("200 OK", [TEXT]);
    return failing();
  },
  endless(environ, start) {
    start("200 OK", [TEXT]);
    return environ.QUERY_STRING === "ended" ? [String(ended)] : ticks();
  },
};

export function* lines(count: number): Generator<string> {
  for (let i = 1; i <= count; i++) yield `line ${i}\n`;
}

export function* failing(): Generator<string> {
  yield "begun\n";
  throw new Error("on purpose");
}

export function* ticks(): Generator<string> {
  try {
    for (;;) yield "tick\n";
  } finally {
    ended++;
  }
}

export const { echo, status, stream, throws, throwsLate, endless } = apps;

const validated: Behaviours<WsgiApp> = {
  echo: validator(echo),
  status: validator(status),
  stream: validator(stream),
  throws: validator(throws),
  throwsLate: validator(throwsLate),
  endless: validator(endless),
};

export const {
  echo: validEcho,
  status: validStatus,
  stream: validStream,
  throws: validThrows,
  throwsLate: validThrowsLate,
  endless: validEndless,
} = validated;

export const endings = (): number => ended;
