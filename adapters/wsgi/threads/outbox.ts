/** Requests on their way to a thread: those that it is given in one turn of the loop cross together, and wake it up once. */
import { HEAD_END, type Beginning, type Requests } from "./protocol.ts";

export class Outbox {
  /** Number of the first; the others follow without gaps. */
  #first = 0;
  #heads: string[] = [];
  #beginnings: Map<number, Beginning> | undefined;

  get isEmpty(): boolean {
    return this.#heads.length === 0;
  }

  add(id: number, head: string, beginning?: Beginning): void {
    if (this.isEmpty) this.#first = id;
    this.#heads.push(head);
    if (beginning !== undefined)
      (this.#beginnings ??= new Map()).set(id, beginning);
  }

  message(): Requests {
    const heads = this.#heads.join(HEAD_END);
    return this.#beginnings === undefined
      ? ["requests", this.#first, heads]
      : ["requests", this.#first, heads, this.#beginnings];
  }

  clear(): void {
    this.#heads = [];
    this.#beginnings = undefined;
  }
}
