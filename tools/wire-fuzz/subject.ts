/** A server under test, seen from the fuzzer. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Question, Reply } from "./child.ts";
import type { Kind, Totals } from "./served.ts";

/** Of a process that is gone. */
const NOTHING = { noted: { calls: [], methods: [] }, trouble: [] };

export class Subject {
  readonly kind: Kind;
  readonly port: number;
  /** How its process ended, when it was not asked to. */
  crash: string | undefined;
  readonly #child: ChildProcess;
  readonly #hangsMs: number;
  readonly #asked = new Map<number, (reply: Reply) => void>();
  #ids = 0;

  private constructor(
    kind: Kind,
    child: ChildProcess,
    port: number,
    hangsMs: number,
  ) {
    this.#hangsMs = hangsMs;
    this.kind = kind;
    this.port = port;
    this.#child = child;
    child.on("message", (reply: Reply) => {
      this.#asked.get(reply.id)?.(reply);
      this.#asked.delete(reply.id);
    });
    child.on("error", () => {}); // what it cannot be asked any more: it ends
    child.on("exit", (code, signal) => {
      this.crash ??= `its process ended: ${signal ?? `code ${code}`}`;
      for (const [id, settle] of this.#asked) settle({ id, ...NOTHING });
      this.#asked.clear();
    });
  }

  /** It must answer within `hangsMs`, or it is ended. */
  static async start(kind: Kind, hangsMs: number): Promise<Subject> {
    const child = fork(new URL("child.js", import.meta.url), [kind]);
    const [port] = (await once(child, "message")) as [number];
    return new Subject(kind, child, port, hangsMs);
  }

  /** Lets it read what it was sent. */
  async turns(turns: number): Promise<void> {
    await this.#ask({ turns });
  }

  /** What its applications saw of a client, and what it complains about. */
  async take(address: string, turns: number): Promise<Reply> {
    return await this.#ask({ turns, address });
  }

  async close(): Promise<Totals | undefined> {
    const { totals } = await this.#ask({ turns: 10, close: true });
    return totals;
  }

  /** Ends it at once. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  #ask(question: Omit<Question, "id">): Promise<Reply> {
    const id = ++this.#ids;
    return new Promise((resolve) => {
      if (this.crash !== undefined) return resolve({ id, ...NOTHING });
      const limit = setTimeout(() => this.#giveUp(), this.#hangsMs);
      this.#asked.set(id, (reply) => {
        clearTimeout(limit);
        resolve(reply);
      });
      this.#child.send({ id, ...question });
    });
  }

  /** It is busy for ever. */
  #giveUp(): void {
    this.crash = "it hangs";
    this.kill();
  }
}
