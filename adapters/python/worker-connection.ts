/** What a worker and the dispatcher need of a connection to a process, whichever interface its application has. */
import { connect, type Socket } from "node:net";
import type { SharedState } from "./shared-state.ts";
import type { PythonCall } from "./call.ts";
import type { PythonSettings } from "./options.ts";

export interface WorkerConnection {
  /** It has nothing to do. */
  readonly idle: boolean;
  /** Requests that it has. */
  readonly requests: number;
  /** A client waits for one of them. */
  readonly wanted: boolean;
  /** Its requests do not wait for each other. */
  readonly runsAll: boolean;
  /** Milliseconds between two calls of `check`, while it has something to do. */
  readonly checkMs: number;
  /** How many requests like this one it can be given. */
  roomFor(call: PythonCall): number;
  give(call: PythonCall): void;
  /** Whether it gets on. */
  check(now: number): void;
  /** What it has not begun goes to others. */
  withdraw(): void;
  /** It is given nothing more, and its process is to end when it has nothing to do. */
  retire(): void;
  /** Ends. */
  end(): void;
  /** Its process has ended, and is given nothing more. */
  exited(): void;
  /** The process has ended, and all that it has sent was read: fails what it had begun, and returns the rest. */
  lose(reason: Error): readonly PythonCall[];
}

/** The worker whose connection it is. */
export interface ConnectionOwner {
  readonly state: SharedState;
  readonly settings: PythonSettings;
  /** Takes those that were given to a connection, which has not begun them: they go to others, before all others. */
  readonly dispatcher: { requeue(calls: readonly PythonCall[]): void };
  /** A request was given to the connection. */
  countRequest(): void;
  /** The connection has less to do than before. */
  free(connection: WorkerConnection): void;
  /** The process has done nothing for `harakiriMs`. Undefined: what it has not begun was withdrawn by then. */
  overrun(call: PythonCall | undefined): void;
  /** The client of the request is gone that has this number on this connection. */
  clientGone(slot: number, number: number): void;
  /** The request goes on `abortGraceMs` after its client has left. */
  runsOn(call: PythonCall): void;
  closed(): void;
}

/** Its socket. What `read` gets is overwritten after the call; an error is followed by "close". */
export function connectTo(
  path: string,
  bytes: number,
  read: (data: Buffer) => void,
): Socket {
  const buffer = Buffer.allocUnsafeSlow(bytes);
  const callback = (length: number): boolean => {
    read(buffer.subarray(0, length));
    return true;
  };
  return connect({ path, onread: { buffer, callback } }).on("error", () => {});
}
