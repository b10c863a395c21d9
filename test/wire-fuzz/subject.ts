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
  readonly #asked = new Map<number, (reply: Reply) => void>();
  #ids = 0;

  private constructor(kind: Kind, child: ChildProcess, port: number) {
    this.kind = kind;
    this.port = port;
    this.#child = child;
    child.on("message", (reply: Reply) => {
      this.#asked.get(reply.id)?.(reply);
      this.#asked.delete(reply.id);
    });
    child.on("exit", (code, signal) => {
      this.crash = `its process ended: ${signal ?? `code ${code}`}`;
      for (const [id, settle] of this.#asked) settle({ id, ...NOTHING });
      this.#asked.clear();
    });
  }

  static async start(kind: Kind): Promise<Subject> {
    const child = fork(new URL("child.js", import.meta.url), [kind]);
    const [port] = (await once(child, "message")) as [number];
    return new Subject(kind, child, port);
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
      this.#asked.set(id, resolve);
      this.#child.send({ id, ...question });
    });
  }
}
