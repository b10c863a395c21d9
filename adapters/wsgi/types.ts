/**
 * The vocabulary of PEP 3333 in TypeScript. No code.
 *
 * Strings in `environ`, statuses and headers are PEP 3333's "native strings": each character stands for one byte
 * (latin-1). Body chunks are bytes; a string chunk is sent as UTF-8.
 */

import type { Chunk, GatewayRequest } from "../../lib/adapter.ts";

export type { Chunk } from "../../lib/adapter.ts";

/** A synchronous application: gets the request as `environ`, calls `startResponse`, returns the body in chunks. */
export type WsgiApp = (
  environ: Environ,
  startResponse: StartResponse,
) => WsgiResult;

/** The body; `close()` is called exactly once when the gateway is done with it, whatever happened. */
export type WsgiResult = Iterable<Chunk> & { close?(): void };

/** An outer layer around an application, itself an application. */
export type Middleware = (app: WsgiApp) => WsgiApp;

/**
 * Begins the response. `status` is like `"200 OK"`, `headers` a fresh array of pairs. It may be called again only with
 * `excInfo`, the error being handled: before anything was sent it replaces status and headers, after that it throws
 * `excInfo`.
 */
export type StartResponse = (
  status: string,
  headers: [name: string, value: string][],
  excInfo?: unknown,
) => Write;

/** Sends a chunk ahead of the ones that the application returns. For old applications; return an iterable instead. */
export type Write = (chunk: Chunk) => void;

/** The request. A plain object: copy it, add to it, delete from it. Headers are `HTTP_*` strings. */
export interface Environ {
  REQUEST_METHOD: string;
  /** Where the application is mounted, without a trailing slash; empty at the root. */
  SCRIPT_NAME: string;
  /** The rest of the path, percent-decoded. Empty or beginning with a slash. */
  PATH_INFO: string;
  QUERY_STRING: string;
  SERVER_NAME: string;
  SERVER_PORT: string;
  SERVER_PROTOCOL: string;
  REMOTE_ADDR: string;
  CONTENT_TYPE?: string;
  CONTENT_LENGTH?: string;
  "wsgi.version": readonly [1, 0];
  "wsgi.url_scheme": "http" | "https";
  "wsgi.input": InputStream;
  "wsgi.errors": ErrorStream;
  "wsgi.multithread": boolean;
  "wsgi.multiprocess": boolean;
  "wsgi.run_once": boolean;
  /** True: reading `wsgi.input` to its end is safe, also without a CONTENT_LENGTH. */
  "wsgi.input_terminated": boolean;
  /** When the exchange has to be over, in milliseconds since the epoch; missing without a limit. */
  "eddy.deadline"?: number;
  /**
   * The request as the gateway's own handlers get it. In a thread it has only what is there without waiting: the head,
   * `deadline` and `log`.
   */
  "eddy.request": GatewayRequest;
  [header: `HTTP_${string}`]: string | undefined;
  [key: string]: unknown;
}

/** The request body. Every method returns empty bytes (or no lines) at the end. */
export interface InputStream extends Iterable<Uint8Array> {
  /** At most `size` bytes; all that is left when `size` is missing or negative. */
  read(size?: number): Uint8Array;
  /** Up to and with the next newline, at most `size` bytes. */
  readline(size?: number): Uint8Array;
  /** The lines that are left; stops after the line in which `hint` bytes are reached. */
  readlines(hint?: number): Uint8Array[];
}

/** Where the application reports problems: the gateway's log. */
export interface ErrorStream {
  write(text: string): void;
  writelines(lines: Iterable<string>): void;
  flush(): void;
}
