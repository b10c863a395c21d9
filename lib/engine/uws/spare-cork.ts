/**
 * A response that is never given, of a listener with places for WebSockets.
 *
 * Later than in the route callback, no connection is upgraded in its own response's cork: behind that, the engine goes
 * on with the response if the connection has kept its address, and closes it if memory that is none of a response any
 * more says so. Out of every cork it warns of each upgrade. In the cork of another response it does neither.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import {
  uws,
  type HttpResponse,
  type TemplatedApp,
  type us_listen_socket,
} from "./load.ts";

export class SpareCork {
  readonly #app: TemplatedApp = uws.App();
  #response!: HttpResponse;
  #client: Socket | undefined;

  /** Asks itself, over loopback. @throws {Error} of the system, when there is no such way, or no file left for it. */
  static async open(): Promise<SpareCork> {
    const spare = new SpareCork();
    try {
      await spare.#ask();
    } catch (error) {
      spare.close();
      throw error;
    }
    return spare;
  }

  async #ask(): Promise<void> {
    const asked = new Promise<void>((resolve) => {
      this.#app.any("/*", (res) => {
        res.onAborted(() => {});
        this.#response = res;
        resolve();
      });
    });
    const listening = await new Promise<us_listen_socket | false>((resolve) => {
      this.#app.listen("127.0.0.1", 0, resolve);
    });
    if (!listening) throw new Error("there is no port on 127.0.0.1");
    this.#client = connect(uws.us_socket_local_port(listening), "127.0.0.1");
    await once(this.#client, "connect");
    this.#client.unref().write("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
    await asked;
    uws.us_listen_socket_close(listening);
  }

  /** Writes what is of another connection. */
  run(write: () => void): void {
    this.#response.cork(write);
  }

  close(): void {
    this.#client?.destroy();
    this.#app.close();
  }
}
