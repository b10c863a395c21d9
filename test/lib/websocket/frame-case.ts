/** How a conversation of frames is written down. */
import {
  CLOSED_WITHOUT_A_CODE,
  CLOSED_WITHOUT_A_WORD,
  type SocketDifference,
} from "../../wire/differences/sockets.ts";
import {
  CLOSE,
  closePayload,
  CONTINUATION,
  frame,
  TEXT,
} from "../../support/frames.ts";

export interface FrameCase {
  /** What is special about it. */
  readonly name: string;
  /** By which section of RFC 6455, or, as `7692, 7.2.1`, of another one. */
  readonly rule: string;
  /** `/echo` if nothing is said: see frames.test.ts. */
  readonly path?: string;
  /** What is offered in `sec-websocket-extensions`. */
  readonly offers?: string;
  /** Comes in the packet of the request for the upgrade. */
  readonly early?: Buffer;
  /** Each is a packet of its own. */
  readonly sends: readonly Buffer[];
  /** Frames in words, and `open` or `closed` at the end. */
  readonly gets: readonly string[];
  /** What `socket.closed` says behind that; 0 for nothing yet. */
  readonly code: number;
  /** Frames that are there before the last packet is sent. */
  readonly waits?: number;
  /** The same of the engine "node", where it differs. */
  readonly node?: Pick<FrameCase, "gets" | "code">;
  /** The line of docs/engines.md that says so. */
  readonly differs?: SocketDifference;
}

export type Row = readonly [
  name: string,
  sends: Buffer | readonly Buffer[],
  gets: string | readonly string[] | Outcome,
];

type Outcome = Pick<FrameCase, "gets" | "code" | "node" | "waits" | "differs">;

/**
 * The protocol is broken: a connection is failed with this code (section 7.1.7). `behind` comes before the last packet.
 */
export const broken = (code: number, ...behind: string[]): Outcome =>
  failing(code, behind, ["closed"], CLOSED_WITHOUT_A_WORD);

/** So, by a close frame: the native engine answers with one. */
export const brokenClose = (code: number): Outcome =>
  failing(code, [], ['close ""', "closed"], CLOSED_WITHOUT_A_CODE);

const failing = (
  code: number,
  behind: string[],
  uws: string[],
  differs: SocketDifference,
): Outcome => ({
  waits: behind.length,
  gets: [...behind, ...uws],
  code: 1006,
  node: { gets: [...behind, `close ${code}`, "closed"], code: 1006 },
  differs,
});

/** The first of what comes is there before the last packet is sent. */
export const answered = (...gets: string[]): Outcome => ({
  ...outcome(gets),
  waits: 1,
});

/** Rows of a section; those that are not broken leave the connection open, unless they end it. */
export function section(
  rule: string,
  rows: readonly Row[],
  where: Pick<FrameCase, "path" | "offers"> = {},
): FrameCase[] {
  return rows.map(([name, sends, gets]) => ({
    name,
    rule,
    ...where,
    sends: Buffer.isBuffer(sends) ? [sends] : (sends as readonly Buffer[]),
    ...outcome(gets),
  }));
}

function outcome(gets: Row[2]): Outcome {
  if (typeof gets === "string") gets = [gets];
  if ("code" in gets) return gets;
  const end = gets.find((words) => words.startsWith("close"));
  if (end === undefined) return { gets: [...gets, "open"], code: 0 };
  const code = Number(end.split(" ")[1]) || 1005;
  return { gets: [...gets, "closed"], code };
}

export const close = (code: number, reason = ""): Buffer =>
  frame(CLOSE, closePayload(code, reason));

export const text = (payload: string | Uint8Array): Buffer =>
  frame(TEXT, payload);

/** Parts of a message. */
export const first = (payload: string | Uint8Array, opcode = TEXT): Buffer =>
  frame(opcode, payload, { fin: false });
export const next = (payload: string | Uint8Array): Buffer =>
  frame(CONTINUATION, payload, { fin: false });
export const last = (payload: string | Uint8Array): Buffer =>
  frame(CONTINUATION, payload);

export const hex = (digits: string): Buffer => Buffer.from(digits, "hex");
export const letters = (count: number): string => "x".repeat(count);
export const all = (...frames: Buffer[]): Buffer => Buffer.concat(frames);
export const byteByByte = (bytes: Buffer): Buffer[] =>
  Array.from(bytes, (byte) => Buffer.from([byte]));
