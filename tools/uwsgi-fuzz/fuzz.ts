/** Random packets: the parser on its own, and a loop that gets them on sockets. */
import { connect } from "node:net";
import { Loop } from "../../lib/index.ts";
import { PacketError, PacketReader } from "../../lib/uwsgi/packet.ts";
import { toRequest, type UwsgiRequest } from "../../lib/uwsgi/request.ts";
import { createCase, piecesOf, type Case } from "./case.ts";

/** What becomes of the bytes: a request, a refusal, or the wait for more. */
type Verdict =
  | { kind: "request"; request: UwsgiRequest; size: number; rest: string }
  | { kind: "refused"; why: string }
  | { kind: "waits" };

function verdictOf(pieces: readonly Buffer[]): Verdict {
  const reader = new PacketReader();
  try {
    for (const [i, piece] of pieces.entries()) {
      const packet = reader.push(piece);
      if (packet === undefined) continue;
      const rest = Buffer.concat([packet.rest, ...pieces.slice(i + 1)]);
      const request = toRequest(packet.variables);
      const size = sizeOf(packet.variables);
      return { kind: "request", request, size, rest: rest.toString("latin1") };
    }
    return { kind: "waits" };
  } catch (error) {
    if (!(error instanceof PacketError)) throw error;
    return { kind: "refused", why: error.message };
  }
}

/** Of a packet with these in it. */
function sizeOf(variables: readonly string[]): number {
  return variables.reduce((sum, text) => sum + 2 + text.length, 4);
}

/** What is wrong with how a case is read; undefined when nothing is. */
export function faultOf(one: Case): string | undefined {
  const whole = verdictOf([one.bytes]);
  const parts = verdictOf(piecesOf(one));
  if (JSON.stringify(whole) !== JSON.stringify(parts))
    return `in pieces it is ${JSON.stringify(parts)}, whole ${JSON.stringify(whole)}`;
  if (whole.kind === "waits" && one.variables !== undefined)
    return "it is complete, and more is waited for";
  if (whole.kind !== "request") return undefined;
  if (whole.size + whole.rest.length !== one.bytes.length)
    return "it has bytes that are in no variable and not in the body";
  const { method, path, query, fields } = whole.request.head;
  // oxlint-disable-next-line no-control-regex
  const bad = [method, path, query, ...fields].find((s) => /[\r\n\0]/.test(s));
  return bad && `a line break got through: ${JSON.stringify(bad)}`;
}

/** A loop that counts its requests, and what comes back from it. */
export class Target {
  #loop = new Loop({ log: false, idleTimeoutMs: 1000 });
  #port = 0;
  served = 0;

  async open(): Promise<void> {
    this.#loop.mount(async (request) => {
      this.served++;
      return `served ${(await request.bytes()).length}`;
    });
    const { port } = await this.#loop.listen({ uwsgi: "127.0.0.1:0" });
    this.#port = port!;
  }

  async close(): Promise<void> {
    await this.#loop.stop();
  }

  /** Sends a case and ends; gives all that comes back. */
  send(one: Case): Promise<string> {
    return new Promise((resolve) => {
      let text = "";
      const socket = connect(this.#port, "127.0.0.1");
      socket.on("data", (data) => (text += data.toString("latin1")));
      socket.on("error", () => {}); // a reset shows as the end
      socket.on("close", () => resolve(text));
      for (const piece of piecesOf(one)) socket.write(piece);
    });
  }

  /**
   * What is wrong with how it is answered. One that waits for more is not sent: it would only wait for its time limit.
   */
  async faultOf(one: Case): Promise<string | undefined> {
    const verdict = verdictOf([one.bytes]);
    if (verdict.kind === "waits") return undefined;
    if (
      verdict.kind === "request" &&
      verdict.rest.length < verdict.request.bodyLength
    )
      return undefined;
    const before = this.served;
    const text = await this.send(one);
    const status = /^HTTP\/1.1 (\d{3}) /.exec(text)?.[1];
    if (status === undefined) return `no reply: ${JSON.stringify(text)}`;
    if (
      verdict.kind === "refused" &&
      (status !== "400" || this.served > before)
    )
      return `refused (${verdict.why}), and answered ${status}`;
    return undefined;
  }
}

export interface Finding {
  readonly seed: number;
  readonly fault: string;
}

/** Every case is read, and every `each`-th is sent as well. */
export async function search(
  first: number,
  count: number,
  each: number,
  progress?: (done: number) => void,
): Promise<Finding | undefined> {
  const target = new Target();
  await target.open();
  try {
    for (let i = 0; i < count; i++) {
      const one = createCase(first + i);
      const fault =
        faultOf(one) ??
        (i % each === 0 ? await target.faultOf(one) : undefined);
      if (fault !== undefined) return { seed: first + i, fault };
      progress?.(i + 1);
    }
    return undefined;
  } finally {
    await target.close();
  }
}
