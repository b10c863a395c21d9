/** What applications are told of the clients that leave them. */
export class Told {
  requests = 0;
  closes = 0;
  readonly #asked = new Map<string, () => void>();

  /** A request has come: `target` is its path, or its query alone, with its number in it. */
  readonly asked = (target: string): void => {
    const number = /\d+$/.exec(target)![0];
    this.requests++;
    this.#asked.get(number)!();
    this.#asked.delete(number);
  };

  /** The application was told that its client has left. */
  readonly left = (): void => void this.closes++;

  /** Until the request of this number has come: another one may be there first, and this one still in a queue. */
  untilAsked(number: number): Promise<void> {
    return new Promise((resolve) => this.#asked.set(String(number), resolve));
  }

  reset(): void {
    this.requests = this.closes = 0;
  }
}
