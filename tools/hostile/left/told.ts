/** What applications are told of the clients that leave them. */
export class Told {
  requests = 0;
  closes = 0;
  #asked: (() => void)[] = [];

  /** A request has come. */
  readonly asked = (): void => {
    this.requests++;
    this.#asked.shift()?.();
  };

  /** The application was told that its client has left. */
  readonly left = (): void => void this.closes++;

  /** Until the next request has come. */
  untilAsked(): Promise<void> {
    return new Promise((resolve) => this.#asked.push(resolve));
  }

  reset(): void {
    this.requests = this.closes = 0;
  }
}
