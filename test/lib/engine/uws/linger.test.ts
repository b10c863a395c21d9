import { setImmediate } from "node:timers/promises";
import { expect } from "chai";
import { linger } from "../../../../lib/engine/uws/linger.ts";
import { Connections } from "../../../../lib/engine/connections.ts";
import type { HttpResponse } from "../../../../lib/engine/uws/load.ts";
import { Clock } from "../../../support/clock.ts";

/** A connection as the engine has it, with what it says of one. */
class Connection {
  closed = false;
  push!: (data: ArrayBuffer, isLast: boolean) => void;
  leave!: () => void;
  readonly res = {
    close: () => void (this.closed = true),
    onAborted: (tell: () => void) => void (this.leave = tell),
    onData: (push: Connection["push"]) => void (this.push = push),
  } as unknown as HttpResponse;
}

const LENGTH = ["host", "a", "content-length", "5"];
const CHUNKED = ["transfer-encoding", "chunked", "x", "content-length"];

const MIB = 1024 * 1024;

describe("linger", () => {
  let clock: Clock;
  let connection: Connection;
  let lingering: Connections;

  beforeEach(() => {
    clock = new Clock();
    clock.install();
    connection = new Connection();
    lingering = new Connections();
  });
  afterEach(() => clock.uninstall());

  it("closes after ten seconds, whatever comes", () => {
    linger(connection.res, lingering, LENGTH, () => expect.fail("flushed"));
    clock.advance(9999);
    connection.push(new ArrayBuffer(1), false);
    expect(connection.closed).to.equal(false);
    clock.advance(10_000);
    expect(connection.closed).to.equal(true);
  });

  it("closes after 64 MiB", async () => {
    linger(connection.res, lingering, LENGTH, () => expect.fail("flushed"));
    for (let i = 0; i < 64; i++) connection.push(new ArrayBuffer(MIB), false);
    await setImmediate();
    expect(connection.closed).to.equal(false);
    connection.push(new ArrayBuffer(1), false);
    await setImmediate();
    expect(connection.closed).to.equal(true);
  });

  it("closes with the end of a body that has a length, before what is behind it is looked at", async () => {
    linger(connection.res, lingering, LENGTH, () => expect.fail("flushed"));
    await setImmediate();
    connection.push(new ArrayBuffer(1), true);
    expect(connection.closed).to.equal(true);
  });

  it("closes after the end of a body in chunks, when the engine has done with the packet", async () => {
    linger(connection.res, lingering, CHUNKED, () => expect.fail("flushed"));
    await setImmediate();
    connection.push(new ArrayBuffer(1), true);
    expect(connection.closed).to.equal(false);
    await setImmediate();
    expect(connection.closed).to.equal(true);
  });

  it("has the reply sent where the body ends in the packet of its head", async () => {
    let flushed = 0;
    linger(connection.res, lingering, LENGTH, () => flushed++);
    connection.push(new ArrayBuffer(1), true);
    expect(flushed).to.equal(1);
    expect(connection.closed).to.equal(false);
    await setImmediate();
    expect(connection.closed).to.equal(true);
  });

  it("leaves a connection alone that its client has left", async () => {
    linger(connection.res, lingering, CHUNKED, () => {});
    connection.push(new ArrayBuffer(1), true);
    expect(lingering.none).to.equal(false);
    connection.leave();
    expect(lingering.none).to.equal(true);
    await setImmediate();
    expect(clock.pending).to.equal(0);
    expect(connection.closed).to.equal(false);
  });
});
