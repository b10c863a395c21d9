/** WebSockets: clients that leave at any moment, and clients that send more than is taken. */
import { once } from "node:events";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { connect, type Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import {
  FrameReader,
  frame,
  BINARY,
  CLOSE,
  closePayload,
  TEXT,
} from "../../../test/support/frames.ts";
import { handshake } from "../../../test/support/frame-client.ts";
import type { Attack, Size } from "../attack.ts";
import { Foe, type Departure } from "../foe.ts";
import { FLOOD_MESSAGE, SLEEP_MS } from "../sockets.ts";
import { countFates, cycle } from "../tactics.ts";
import type { Target } from "../target.ts";

/** Connections at a time. */
const WAVE = 100;

const ASK = handshake("/socket/echo");
const latin = (bytes: Buffer): string => bytes.toString("latin1");
const HELLO = latin(frame(TEXT, "hello"));
const BYE = latin(frame(CLOSE, closePayload(1000)));
const FIRST = latin(frame(TEXT, "hel", { fin: false }));
const LONG = latin(frame(BINARY, Buffer.alloc(60_000)));

const upgraded = (foe: Foe): Promise<boolean> => foe.until(/\r\n\r\n/);

/** What a client has done when it leaves. */
const MOMENTS: ((foe: Foe) => Promise<unknown>)[] = [
  (foe) => foe.send(ASK.slice(0, 60)).drained(),
  (foe) => foe.send(ASK).drained(),
  async (foe) => {
    foe.send(ASK);
    await setImmediate();
  },
  (foe) => upgraded(foe.send(ASK)),
  async (foe) => (await upgraded(foe.send(ASK))) && foe.send(HELLO.slice(0, 3)),
  async (foe) => (await upgraded(foe.send(ASK))) && foe.send(FIRST),
  async (foe) => (await upgraded(foe.send(ASK))) && foe.send(LONG + LONG),
  async (foe) =>
    (await upgraded(foe.send(ASK))) && foe.send(HELLO).until(/hello/),
  async (foe) => (await upgraded(foe.send(ASK))) && foe.send(HELLO + BYE),
  async (foe) =>
    (await upgraded(foe.send(ASK))) && foe.send(BYE).until(/\r\n\r\n[^]/),
];
const DEPARTURES: Departure[] = ["reset", "close", "fin"];

/** Opened and dropped, at each moment, in each way. */
export function droppedSockets(size: Size): Attack {
  const count = { small: 1000, full: 100_000 }[size];
  return {
    name: "sockets dropped at random moments",
    load: `${count} clients that leave by RST, by FIN and half-closed`,
    async run(target) {
      const before = await target.health();
      const left: Foe[] = [];
      for (let i = 0; i < count; i += WAVE)
        left.push(...(await wave(target, i)));
      const { upgraded: all, live } = await target.health(before.files);
      const sure = left.filter(({ head }) => head.startsWith("HTTP/1.1 101"));
      const adds = all >= sure.length && all <= count && live === 0;
      return {
        fates: countFates(left, () => (adds ? "left" : "not counted")),
        note: `${all} upgraded, ${live} open`,
      };
    },
    expectations: { fates: { left: count }, growth: 150 },
  };
}

async function wave({ port }: Target, from: number): Promise<Foe[]> {
  const foes = await Foe.many(port, WAVE);
  await Promise.all(
    foes.map(async (foe, i) => {
      await cycle(MOMENTS, from + i)(foe);
      foe.leave(cycle(DEPARTURES, Math.floor((from + i) / MOMENTS.length)));
      await foe.ended();
    }),
  );
  return foes;
}

const MIB = 1024 * 1024;
/** What a connection may accept while its handler sleeps: `maxQueuedBytes`, and what was read already. */
const MOST = 9 * MIB;

export const floodedSocket = flood("TCP");
export const floodedSocketTls = flood("TLS");

function flood(over: "TCP" | "TLS") {
  return (size: Size): Attack => {
    const mib = { small: 24, full: 192 }[size];
    return {
      name: `a flood into a socket whose handler sleeps, over ${over}`,
      load: `${mib} MiB in messages of 64 KiB`,
      async run(target) {
        const client = await (over === "TLS"
          ? open(
              connectTls({
                port: target.tlsPort,
                host: "127.0.0.1",
                rejectUnauthorized: false,
              }),
              "secureConnect",
            )
          : open(connect(target.port, "127.0.0.1"), "connect"));
        const { accepted, count } = await pour(
          client,
          (mib * MIB) / FLOOD_MESSAGE,
        );
        client.destroy();
        const isHeld = accepted <= MOST ? "held back" : "not held back";
        const inOrder = (count * FLOOD_MESSAGE) / MIB;
        return {
          fates: { [`${isHeld}, ${inOrder} MiB in order`]: 1 },
          note: `${(accepted / MIB).toFixed(1)} MiB accepted in ${SLEEP_MS / 1000} s of sleep`,
        };
      },
      expectations: {
        fates: { [`held back, ${mib} MiB in order`]: 1 },
        growth: 64,
      },
    };
  };
}

async function open(
  client: Socket | TLSSocket,
  event: string,
): Promise<Socket> {
  await once(client, event);
  client.write(handshake("/socket/sleeper"));
  await once(client, "data");
  return client;
}

/** Sends so many messages as fast as it can, and what the handler says in the end. */
async function pour(
  client: Socket,
  count: number,
): Promise<{ accepted: number; count: number }> {
  const said = once(client, "data") as Promise<[Buffer]>;
  for (let i = 0; i < count; i++) {
    const message = Buffer.alloc(FLOOD_MESSAGE);
    message.writeUInt32BE(i);
    if (!client.write(frame(BINARY, message))) await once(client, "drain");
  }
  client.write(frame(TEXT, "that is all"));
  const [bytes] = await said;
  const [told] = new FrameReader().read(bytes);
  return JSON.parse(told!.payload.toString()) as never;
}
