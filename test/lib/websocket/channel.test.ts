import { expect } from "chai";
import type { SocketConnection } from "../../../lib/engine/socket.ts";
import { Channel } from "../../../lib/websocket/channel.ts";
import { noCounts } from "../../../lib/websocket/counts.ts";
import { DEFAULTS } from "../../../lib/websocket/options.ts";
import { Surplus } from "../../../lib/websocket/surplus.ts";

const MIB = 1024 * 1024;
/** Bytes that a message of bytes takes beside its own. */
const BESIDE = 384;

describe("Channel, when more than maxQueuedBytes wait", () => {
  /** What it has called of a connection, whose engine can pause or not. */
  function open(
    canPause: boolean,
    surplus = new Surplus(),
  ): { channel: Channel; calls: string[] } {
    const calls: string[] = [];
    const channel = new Channel({
      settings: DEFAULTS,
      counts: noCounts(),
      surplus,
      subscribed: () => {},
      unsubscribed: () => {},
      closed: () => {},
    });
    const connection: Partial<SocketConnection> = {
      pause: () => (calls.push("pause"), canPause),
      resume: () => void calls.push("resume"),
      end(code, reason) {
        calls.push(`end ${code}`);
        channel.closed(code, reason);
      },
    };
    channel.opened(connection as SocketConnection);
    return { channel, calls };
  }

  /** A message that takes so many bytes, in all. */
  const receive = (channel: Channel, bytes: number): void =>
    channel.received(new Uint8Array(Math.max(0, bytes - BESIDE)), true);

  it("pauses its connection until all of it is taken", () => {
    const { channel, calls } = open(true);
    receive(channel, MIB);
    expect(calls).to.deep.equal([]);
    receive(channel, 1);
    expect(calls).to.deep.equal(["pause"]);
    channel.take();
    expect(calls).to.deep.equal(["pause"]);
    channel.take();
    expect(calls).to.deep.equal(["pause", "resume"]);
  });

  it("closes it with 1008 where the engine cannot pause", () => {
    const { channel, calls } = open(false);
    receive(channel, MIB + 1);
    expect(calls).to.deep.equal(["pause", "end 1008"]);
    expect(channel.take()).to.have.lengthOf(MIB + 1 - BESIDE);
    expect(channel.take()).to.equal(undefined);
  });

  it("counts what messages take that are empty", () => {
    for (const isBinary of [true, false]) {
      const { channel, calls } = open(true);
      for (let i = 0; i < 30_000; i++)
        channel.received(new Uint8Array(0), isBinary);
      expect(calls).to.include("pause");
    }
  });

  it("tells once of a client that is closed as too slow, however often its engine does", () => {
    const { channel } = open(true);
    channel.dropped();
    channel.dropped();
    expect(channel.owner.counts.closedAsSlow).to.equal(1);
  });

  it("gives messages in order from a queue that is never empty", () => {
    const { channel } = open(true);
    const send = (i: number): void =>
      channel.received(Buffer.from(`${i}`), false);
    for (let i = 0; i < 100; i++) send(i);
    for (let i = 0; i < 10_000; i++) {
      send(100 + i);
      expect(channel.take()).to.equal(`${i}`);
    }
    for (let i = 0; i < 100; i++)
      expect(channel.take()).to.equal(`${10_000 + i}`);
    expect(channel.take()).to.equal(undefined);
  });

  it("keeps what an engine goes on with, up to 64 MiB of all sockets", () => {
    const { channel, calls } = open(true);
    for (let i = 0; i < 65; i++) receive(channel, MIB);
    receive(channel, 20 * MIB); // one message may be that long
    expect(calls).not.to.include("end 1008");
    receive(channel, 1);
    expect(calls.at(-1)).to.equal("end 1008");
  });

  it("leaves 8 MiB to each where others have taken all of that", () => {
    const surplus = new Surplus();
    const first = open(true, surplus);
    receive(first.channel, 100 * MIB);
    const second = open(true, surplus);
    for (let i = 0; i < 9; i++) receive(second.channel, MIB);
    receive(second.channel, 1);
    expect(second.calls).not.to.include("end 1008");
    receive(second.channel, 1);
    expect(second.calls.at(-1)).to.equal("end 1008");
  });

  for (const how of ["take", "abandon"] as const)
    it(`counts nothing of it any more after ${how}()`, () => {
      const surplus = new Surplus();
      const first = open(true, surplus);
      receive(first.channel, 100 * MIB);
      first.channel[how]();
      const second = open(true, surplus);
      for (let i = 0; i < 20; i++) receive(second.channel, MIB);
      expect(second.calls).not.to.include("end 1008");
    });
});
