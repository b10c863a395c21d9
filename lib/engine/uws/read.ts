/** Reads what the engine has of a request. */
import type { HttpRequest } from "./load.ts";

/** Copies the header fields out of the engine, which forgets them when the route callback returns. Name, value, name, value, …; names in lower case. */
export function readHeaders(req: HttpRequest): string[] {
  let raw: string[] | undefined; // an empty array would get room for sixteen with the first field
  req.forEach((name, value) => {
    if (raw === undefined) raw = [name, value];
    else raw.push(name, value);
  });
  return raw ?? [];
}
