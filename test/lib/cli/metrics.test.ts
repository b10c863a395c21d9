import { expect } from "chai";
import { metricsOf } from "../../../lib/cli/metrics.ts";
import {
  addFigures,
  afterTheEnd,
  Figures,
} from "../../../lib/exchange/figures.ts";
import type { GatewayRequest } from "../../../lib/request/request.ts";
import { mountStatus } from "../../../lib/status/mounts.ts";
import { DEFAULTS } from "../../../lib/websocket/options.ts";
import { Place } from "../../../lib/websocket/place.ts";
import type { Status } from "../../../lib/cli/status.ts";

const connections = { open: 4, refused: 2, unserved: 7 };

const loopDelayMs = { mean: 0, max: 0 };
const applications: never[] = [];
const sockets = {
  open: 3,
  opened: 4,
  subscriptions: 5,
  received: 8,
  receivedBytes: 800,
  sent: 9,
  sentBytes: 900,
  dropped: 1,
  closedAsSlow: 2,
};
const worker = {
  pid: 9,
  state: "ready",
  inFlight: 0,
  rss: 0,
  loopDelayMs,
  applications,
  sockets,
};

const figures = new Figures("/shop");
const count = (status: number, ms: number): void =>
  figures.count({ id: `id-${ms}` } as GatewayRequest, "ok", status, ms);
count(200, 0.02);
count(200, 3);
count(404, 2_000);

const STATUS = {
  restarts: 0,
  crashes: 0,
  outcomes: { ok: 1 },
  mounts: [mountStatus(figures.view())],
  workers: [{ ...worker, connections, sockets: { ...sockets, lost: 3 } }],
} as unknown as Status;

describe("The metrics", () => {
  it("have the connections: open, refused, and of no use", async () => {
    const { body: metrics } = await metricsOf(STATUS);
    expect(metrics).to.match(/^eddy_connections\{pid="9"\} 4$/m);
    expect(metrics).to.match(/^eddy_connections_refused\{pid="9"\} 2$/m);
    expect(metrics).to.match(/^eddy_connections_unserved\{pid="9"\} 7$/m);
  });

  it("have the sockets and their messages", async () => {
    const { body: metrics } = await metricsOf(STATUS);
    expect(metrics).to.match(/^eddy_sockets\{pid="9"\} 3$/m);
    expect(metrics).to.match(/^eddy_sockets_subscriptions\{pid="9"\} 5$/m);
    expect(metrics).to.match(/^eddy_sockets_opened\{pid="9"\} 4$/m);
    expect(metrics).to.match(/^eddy_sockets_messages_received\{pid="9"\} 8$/m);
    expect(metrics).to.match(/^eddy_sockets_received_bytes\{pid="9"\} 800$/m);
    expect(metrics).to.match(/^eddy_sockets_messages_sent\{pid="9"\} 9$/m);
    expect(metrics).to.match(/^eddy_sockets_sent_bytes\{pid="9"\} 900$/m);
    expect(metrics).to.match(/^eddy_sockets_messages_dropped\{pid="9"\} 1$/m);
    expect(metrics).to.match(/^eddy_sockets_closed_as_slow\{pid="9"\} 2$/m);
  });

  it("have the messages that sockets and topics have lost", async () => {
    const { body: metrics } = await metricsOf(STATUS);
    expect(metrics).to.match(/^eddy_sockets_messages_dropped\{pid="9"\} 1$/m);
    expect(metrics).to.match(/^eddy_sockets_messages_lost\{pid="9"\} 3$/m);
  });

  it("have the sockets by mount: the sums of all workers, and of those that have ended what does not end with them", async () => {
    const place = new Place(DEFAULTS);
    Object.assign(place.counts, sockets);
    const chat = new Figures("/chat/:room");
    chat.places.add(place);
    const plain = figures.view();
    const one = chat.view();
    const mounts = addFigures([afterTheEnd(one), one, one, plain, plain]);
    for (const isOpen of [false, true]) {
      const status = { ...STATUS, mounts: mounts.map(mountStatus) };
      const { body } = await metricsOf(status, isOpen);
      const of = body
        .split("\n")
        .filter((line) => line.startsWith("eddy_mount_so"));
      expect(of).to.have.members(
        [
          " 6",
          "_subscriptions 10",
          "_opened_total 12",
          "_messages_received_total 24",
          "_received_bytes_total 2400",
          "_messages_sent_total 27",
          "_sent_bytes_total 2700",
          "_messages_dropped_total 3",
          "_closed_as_slow_total 6",
        ].map((line) => {
          const [name, count] = line.split(" ");
          return `eddy_mount_sockets${name}{mount="/chat/:room"} ${count}`;
        }),
      );
    }
  });

  it("have how long the requests of a mount took, as a histogram", async () => {
    const { body } = await metricsOf(STATUS);
    const below = (le: string): string =>
      `eddy_request_duration_seconds_bucket{mount="/shop",le="${le}"}`;
    const lines = body.split("\n");
    expect(lines).to.include(`${below("0.0005")} 1`);
    expect(lines).to.include(`${below("0.005")} 2`);
    expect(lines).to.include(`${below("1")} 2`);
    expect(lines).to.include(`${below("2.5")} 3`);
    expect(lines).to.include(`${below("+Inf")} 3`);
    expect(body).to.match(/_duration_seconds_sum\{mount="\/shop"\} 2\.00302/);
    expect(body).to.match(/_duration_seconds_count\{mount="\/shop"\} 3$/m);
    expect(body).to.not.contain("request_id");
    expect(body).to.match(
      /^eddy_mount_replies_total\{mount="\/shop",status="4xx"\} 1$/m,
    );
  });

  it("name the slowest request in OpenMetrics, where its id is not too long for that", async () => {
    const { type, body } = await metricsOf(STATUS, true);
    expect(type).to.match(/^application\/openmetrics-text/);
    expect(body).to.match(
      /_bucket\{mount="\/shop",le="2\.5"\} 3 # \{request_id="id-2000"\} 2 \d+/,
    );
    expect(body.trimEnd().endsWith("# EOF")).to.equal(true);
    const [mount] = STATUS.mounts;
    const slowest = { ...mount!.slowest!, id: "x".repeat(128) };
    const mounts = [{ ...mount!, slowest }];
    const long = await metricsOf({ ...STATUS, mounts }, true);
    expect(long.body).to.not.contain("request_id");
  });
});
