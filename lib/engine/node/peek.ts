/** A server that looks at the first bytes of a connection before anybody else reads them. */
import { createServer, type Server, type Socket } from "node:net";

/** Who takes the connection, and how many bytes they do not get to see; "incomplete": more has to come. */
type Decision =
  { readonly skip: number; take(socket: Socket): void } | "incomplete";

/** `limitMs`: for the bytes to come. */
export function createPeekingServer(
  limitMs: number,
  decide: (bytes: Buffer) => Decision,
): Server {
  return createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    let bytes = Buffer.alloc(0);
    const end = (): void => void socket.destroy();
    const read = (): void => {
      const more = socket.read() as Buffer | null;
      if (more === null) return;
      bytes = Buffer.concat([bytes, more]);
      const decision = decide(bytes);
      if (decision === "incomplete") return;
      socket.off("readable", read).off("end", end).off("error", end);
      socket.setTimeout(0, end);
      socket.unshift(bytes.subarray(decision.skip));
      decision.take(socket);
    };
    socket.on("readable", read).on("end", end).on("error", end);
    socket.setTimeout(limitMs, end);
  });
}
