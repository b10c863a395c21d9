/** The body of a request, into the stream that an application reads. */
import { bufferOf, type GatewayRequest } from "../../lib/adapter.ts";
import type { Incoming } from "./insides.ts";

export class BodyFeed {
  readonly #request: GatewayRequest;
  readonly #req: Incoming;
  /** Chunks have come. */
  readonly #stir: () => void;
  #begun = false;
  #wake: (() => void) | undefined;

  constructor(request: GatewayRequest, req: Incoming, stir: () => void) {
    this.#request = request;
    this.#req = req;
    this.#stir = stir;
  }

  /** The application wants more. Of no body, or one that nobody wants behind the reply, there is only the end. */
  read(): void {
    if (this.#begun) return this.wake();
    this.#begun = true;
    if (this.#request.hasBody && !this.#req._dumped) void this.#pump();
    else this.#end();
  }

  wake(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  #end(): void {
    this.#req.complete = true;
    this.#req.push(null);
  }

  /** The client waits while the application does not read. */
  async #pump(): Promise<void> {
    const req = this.#req;
    try {
      for await (const piece of this.#request.body) {
        if (req.destroyed) return;
        this.#stir();
        const more = req.push(bufferOf(piece));
        if (!more && !req.destroyed)
          await new Promise<void>((resolve) => (this.#wake = resolve));
      }
      if (!req.destroyed) this.#end();
    } catch (error) {
      if (req._dumped)
        this.#end(); // the reply is complete, and nobody wants the rest
      else req.destroy(error as Error); // nothing where the client has left
    }
  }
}
