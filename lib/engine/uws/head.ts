/** What uWebSockets.js says of a request, copied: it forgets all of it when the route callback returns. */
import type { Head, Peer } from "../engine.ts";
import type { HttpRequest } from "./load.ts";

export class UwsHead implements Head {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly fields: readonly string[];
  readonly peer: Peer;

  constructor(
    method: string,
    req: HttpRequest,
    fields: readonly string[],
    peer: Peer,
  ) {
    this.method = method;
    this.path = req.getUrl();
    this.query = req.getQuery() ?? "";
    this.fields = fields;
    this.peer = peer;
  }

  /** The engine answers 505 to all other versions. */
  get protocol(): string {
    return "HTTP/1.1";
  }
}

/** Name, value, name, value, …; names in lower case. */
export function readFields(req: HttpRequest): readonly string[] {
  let fields: string[] | undefined; // an empty array would get room for sixteen with the first field
  req.forEach((name, value) => {
    if (fields === undefined) fields = [name, value];
    else fields.push(name, value);
  });
  return fields ?? NONE;
}

const NONE: readonly string[] = [];
