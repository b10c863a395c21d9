/**
 * A program with a Loop of its own that listens or serves: the command runs it. The first is taken, and told as if it
 * had listened itself.
 */
import type { Future } from "effection";
import { UsageError, type Address, type Loop } from "../index.ts";
import type { ListenOptions } from "../engine/listen-options.ts";
import { loopServes, type WouldListen } from "../loop/command.ts";

export class TakenLoop {
  /** The first that would listen. */
  readonly taken: Promise<Loop>;
  readonly #address: Promise<Address>;
  #resolveLoop!: (loop: Loop) => void;
  #resolveAddress!: (address: Address) => void;
  #first: Loop | undefined;
  #isOurs = false;
  readonly #hear = (message: unknown): void => {
    this.#take(message as WouldListen);
  };

  constructor() {
    this.taken = new Promise((resolve) => (this.#resolveLoop = resolve));
    this.#address = new Promise((resolve) => (this.#resolveAddress = resolve));
    loopServes.subscribe(this.#hear);
  }

  /** The program is loaded. If it has no loop listen it is something else, and its loops listen by themselves. */
  settle(): void {
    if (this.#first === undefined) loopServes.unsubscribe(this.#hear);
  }

  /** Has a loop listen for the command. */
  listen(loop: Loop, target: ListenOptions): Future<Address> {
    this.#isOurs = true;
    try {
      return loop.listen(target);
    } finally {
      this.#isOurs = false;
    }
  }

  /** It listens: its program goes on. */
  tell(address: Address): void {
    this.#resolveAddress(address);
  }

  #take(would: WouldListen): void {
    if (this.#isOurs) return;
    this.#first ??= would.loop as Loop;
    this.#resolveLoop(this.#first);
    would.address =
      would.loop === this.#first ? this.#address : Promise.reject(another());
  }
}

const another = (): UsageError =>
  new UsageError(
    "the program has another Loop listen: under the command the first that listens is what it serves, at the " +
      "command's addresses; mount the other in it, or run it by a command of its own",
  );
