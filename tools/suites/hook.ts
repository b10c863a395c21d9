/**
 * Loaded before a suite of tests (`node --import`): every server of node:http that listens at a free port is served by
 * a loop, through `node()`. Tests that ask for the address at once need loops that listen already: `SUITE_LOOPS` of
 * them.
 */
import { Server } from "node:http";
import { Server as NetServer, type AddressInfo } from "node:net";
import { node } from "eddy/adapters/node";
import { Loop, type Handler } from "eddy";

/** A loop, and the server that it serves at the moment. */
interface Slot {
  readonly loop: Loop;
  port: number;
  handle: Handler;
}

const idle: Slot[] = [];

async function slot(): Promise<Slot> {
  const loop = new Loop({
    log: false,
    maxBodyBytes: Infinity,
    stallWarnMs: Infinity,
  });
  const made: Slot = { loop, port: 0, handle: () => undefined };
  loop.mount((request) => made.handle(request));
  const { port } = await loop.listen({ port: 0, host: "127.0.0.1" });
  made.port = port!;
  return made;
}

const loops = Number(process.env["SUITE_LOOPS"] ?? 0);
while (idle.length < loops) idle.push(await slot());

const { listen } = NetServer.prototype;

Server.prototype.listen = function (this: Server, ...how: unknown[]) {
  const [what] = how;
  const port = Object(what) === what ? (what as AddressInfo).port : what;
  const isFree = Number(port ?? 0) === 0 && typeof what !== "string";
  if (!isFree) return Reflect.apply(listen, this, how) as Server; // a test of the port itself
  const told = how.findLast((one) => typeof one === "function");
  if (told !== undefined) this.once("listening", told as () => void);
  const ready = idle.pop();
  if (ready !== undefined) serve(this, ready);
  else if (loops > 0) throw new Error("no loop is left");
  else void slot().then((made) => serve(this, made));
  return this;
} as Server["listen"];

function serve(server: Server, slot: Slot): void {
  slot.handle = node(server).handle;
  const address = { address: "127.0.0.1", family: "IPv4", port: slot.port };
  const handled = server as Server & { _handle: unknown };
  handled._handle = {}; // by which Node and the tests see that it listens
  const own = {
    address: () => (handled._handle === null ? null : address),
    close(this: Server, told?: () => void) {
      const wasOpen = handled._handle !== null;
      handled._handle = null;
      if (told) this.once("close", told);
      if (wasOpen && loops > 0) idle.unshift(slot);
      const stopped = loops > 0 ? undefined : slot.loop.stop();
      void Promise.resolve(stopped).then(() => this.emit("close"));
      return this;
    },
  };
  for (const [name, value] of Object.entries(own))
    Object.defineProperty(server, name, { value, configurable: true });
  process.nextTick(() => server.emit("listening"));
}
