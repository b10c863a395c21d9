/** The certificates of a loop's listeners: read anew when somebody asks for it, and looked at before they expire. */
import type { Logger } from "../common/log.ts";
import type { Listener } from "../engine/engine.ts";
import { DAY_MS, warnOfExpiry } from "../engine/expiry.ts";
import { isCommanded } from "./command.ts";

export class Certificates {
  readonly #log: Logger;
  readonly #listeners: readonly Listener[];
  #timer: NodeJS.Timeout | undefined;

  /** `listeners`: those there are when it looks. */
  constructor(log: Logger, listeners: readonly Listener[]) {
    this.#log = log;
    this.#listeners = listeners;
  }

  /** Warns of those of a listener, and then daily of all. Under a command, that does it for all its processes. */
  watch({ certificates = [] }: Listener): void {
    if (certificates.length === 0 || isCommanded()) return;
    warnOfExpiry(certificates, this.#log);
    this.#timer ??= setInterval(() => this.#warn(), DAY_MS).unref();
  }

  /** @throws {ListenError} for the first that cannot be used; all stays as it is then. */
  reload(): void {
    const renewals = this.#listeners.map((listener) => listener.renewal?.());
    for (const renew of renewals) renew?.();
    if (!isCommanded()) this.#warn();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #warn(): void {
    for (const { certificates = [] } of this.#listeners)
      warnOfExpiry(certificates, this.#log);
  }
}
