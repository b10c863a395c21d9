/** Reads `wsgi.input` as the header `x-read` says, the source of a function, and answers what that gives. */
import type { InputStream, WsgiApp } from "../../../../adapters/wsgi/types.ts";

export const reading: WsgiApp = (environ, start) => {
  const source = decodeURIComponent(environ.HTTP_X_READ as string);
  // oxlint-disable-next-line no-new-func, typescript/no-implied-eval
  const read = Function(`return ${source}`)() as (
    input: InputStream,
  ) => unknown;
  const found = asText(read(environ["wsgi.input"]));
  start("200 OK", []);
  return [JSON.stringify(found)];
};

/** Bytes as text, a character each. */
export function asText(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("latin1");
  return Array.isArray(value) ? value.map(asText) : value;
}
