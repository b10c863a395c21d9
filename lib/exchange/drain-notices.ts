/** Who is told that the loop begins to drain: what would not end by itself for long, streams of events for one. */
import { spread } from "../common/hurry.ts";
import { Live, type Linked } from "../common/live.ts";

class Notice implements Linked<Notice> {
  before: Notice | undefined = undefined;
  after: Notice | undefined = undefined;
  readonly tell: () => void;

  constructor(tell: () => void) {
    this.tell = tell;
  }
}

export class DrainNotices {
  readonly #waiting = new Live<Notice>();
  #begun = false;

  /** `tell` is called once: at once when the drain has begun. Gives what calls it off. */
  add(tell: () => void): () => void {
    if (this.#begun) {
      tell();
      return () => {};
    }
    const notice = new Notice(tell);
    this.#waiting.add(notice);
    return () => void this.#waiting.delete(notice);
  }

  /** Tells all of them, within `limitMs`. When `hurry` fires, the rest is not told: it is halted. */
  async begin(limitMs: number, hurry: AbortSignal): Promise<void> {
    this.#begun = true;
    await spread(this.#waiting.all(), limitMs, hurry, (notice) => {
      if (this.#waiting.delete(notice)) notice.tell(); // or it was called off meanwhile
    });
  }
}
