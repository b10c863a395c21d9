/** Which sockets of a listener get what is published at a topic. */
import type { Chunk } from "../engine.ts";
import type { SocketConnection } from "../socket.ts";

export class Topics {
  readonly #subscribers = new Map<string, Set<SocketConnection>>();

  subscribe(topic: string, socket: SocketConnection): void {
    const those = this.#subscribers.get(topic);
    if (those === undefined) this.#subscribers.set(topic, new Set([socket]));
    else those.add(socket);
  }

  unsubscribe(topic: string, socket: SocketConnection): void {
    const those = this.#subscribers.get(topic);
    if (those?.delete(socket) && those.size === 0)
      this.#subscribers.delete(topic);
  }

  publish(
    topic: string,
    message: Chunk,
    compress: boolean,
    except: SocketConnection | undefined,
  ): void {
    for (const socket of this.#subscribers.get(topic) ?? [])
      if (socket !== except) socket.send(message, compress);
  }
}
