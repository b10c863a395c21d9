/** The head of a reply: what Node is about to write as text. */
import { validateHeaderName, validateHeaderValue } from "node:http";
import {
  CheckedHeaders,
  InvalidReplyError,
  REASONS,
  UsageError,
} from "../../lib/adapter.ts";
import { OUT_HEADERS, type Outgoing } from "./insides.ts";

export interface Head {
  readonly status: number;
  /** Undefined for the usual one. */
  readonly statusText: string | undefined;
  readonly headers: CheckedHeaders;
  /** The application wants its body in chunks, whatever is known of its length. */
  readonly inChunks: boolean;
}

/**
 * `given`: as Node hands them to `_storeHeader`.
 *
 * @throws Node's own errors for a bad name or value, which frameworks know.
 * @throws {InvalidReplyError} for a status that no reply can have.
 * @throws {UsageError} for trailers.
 */
export function headOf(response: Outgoing, given: unknown): Head {
  const { statusCode: status, statusMessage } = response;
  if (status < 200 || status > 599)
    throw new InvalidReplyError(
      `${status} is not a status of a reply, which has one from 200 to 599` +
        (status === 101
          ? '; connections are not upgraded so: a WebSocket takes an http.Server that listens to "upgrade"'
          : ""),
    );
  const fields: Field[] = [];
  let inChunks = false;
  for (const [name, value] of fieldsOf(response, given)) {
    const take = FRAMING.get(name.toLowerCase());
    if (take === undefined || take(value)) fields.push([name, value]);
    else inChunks ||= name.length === TRANSFER_ENCODING.length;
  }
  if (!response.shouldKeepAlive) fields.push(["connection", "close"]);
  return {
    status,
    statusText: statusMessage === REASONS[status] ? undefined : statusMessage, // Node's own, where it says it otherwise
    headers: checked(fields),
    inChunks,
  };
}

type Field = [name: string, value: string];

const TRANSFER_ENCODING = "transfer-encoding";

/** How a message is framed is the gateway's business; true: it is told all the same. */
const FRAMING = new Map<string, (value: string) => boolean>([
  [TRANSFER_ENCODING, () => false],
  ["connection", (value) => /(?:^|\W)close(?:$|\W)/i.test(value)],
  ["keep-alive", () => false],
  [
    "trailer",
    () => {
      throw noTrailers();
    },
  ],
]);

export const noTrailers = (): UsageError =>
  new UsageError(
    "trailers cannot be sent from below node(); send them as header fields, or in the body",
  );

/** Node takes them as an object, as pairs, or flat. */
function fieldsOf(response: Outgoing, given: unknown): Field[] {
  const fields: Field[] = [];
  if (given === null || given === undefined) return fields;
  if (given === response[OUT_HEADERS])
    for (const key in given as OutHeaders)
      add(fields, ...(given as OutHeaders)[key]!);
  else if (!Array.isArray(given))
    for (const name of Object.keys(given))
      add(fields, name, (given as Record<string, unknown>)[name]);
  else if (Array.isArray(given[0]))
    for (const [name, value] of given as Field[]) add(fields, name, value);
  else
    for (let i = 0; i < given.length; i += 2)
      add(fields, given[i] as string, given[i + 1]);
  return fields;
}

type OutHeaders = Record<string, [name: string, value: unknown]>;

function add(fields: Field[], name: string, value: unknown): void {
  if (Array.isArray(value)) for (const one of value) add(fields, name, one);
  else
    fields.push([
      name,
      typeof value === "string" || value === undefined
        ? (value as string)
        : `${value as number}`,
    ]);
}

function checked(fields: Field[]): CheckedHeaders {
  try {
    const headers = new CheckedHeaders(fields);
    headers.hasContentType = true; // where the application gives none, there is none
    return headers;
  } catch (error) {
    for (const [name, value] of fields) {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    }
    throw error;
  }
}
