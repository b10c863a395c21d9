/**
 * Requests by numbers that are used again. A `Map` with entries that come and go all the time is rebuilt again and
 * again, and what its old tables still hold keeps V8's collector of young objects from its work: half a request's CPU.
 */
export class Numbered<T> {
  readonly #all: (T | undefined)[] = [];
  readonly #free: number[] = [];
  count = 0;

  /** Gives its number. */
  add(one: T): number {
    const number = this.#free.pop() ?? this.#all.length;
    this.#all[number] = one;
    this.count++;
    return number;
  }

  get(number: number): T | undefined {
    return this.#all[number];
  }

  /** From now on the number is free for others. */
  remove(number: number): void {
    this.#all[number] = undefined;
    this.#free.push(number);
    this.count--;
  }

  /** As they are by then. */
  get values(): T[] {
    return this.#all.filter((one) => one !== undefined);
  }
}
