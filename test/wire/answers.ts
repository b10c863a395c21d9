/**
 * What the applications under test say, on eddy as on node:http: the request as they saw it, in a form that shows all.
 */

/** A request as an application sees it. */
export interface Heard {
  readonly method: string;
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
  /** In the order they came; names in lower case. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** `/echo`: the request itself. */
export function echo({ method, path, query, fields, body }: Heard): string {
  const line = `${method} ${path}${query === "" ? "" : `?${query}`}`;
  const lines = [line, ...fields.map(([name, value]) => `${name}: ${value}`)];
  return [...lines, ...(body === "" ? [] : ["", body])].join("\n");
}

/** `/wsgi`: what comes from the client in the environ of PEP 3333; a character stands for a byte. */
export function showEnviron(
  environ: Readonly<Record<string, unknown>>,
  body: string,
): string {
  const lines = Object.entries(environ)
    .filter(([name]) => /^(HTTP_|CONTENT_|PATH_|QUERY_|REQUEST_)/.test(name))
    .map(([name, value]) => `${name}=${String(value)}`)
    .sort();
  return [...lines, ...(body === "" ? [] : ["", body])].join("\n");
}

/** `/cookies`: the cookies by name. */
export function listCookies(
  cookies: Readonly<Record<string, string | undefined>>,
): string {
  return Object.entries(cookies)
    .map(([name, value]) => `${name}=${value}`)
    .join("\n");
}
