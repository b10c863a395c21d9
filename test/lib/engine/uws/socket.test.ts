/** What the engine does and says nowhere that it does: each of its versions is looked at. */
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as pass } from "node:timers/promises";
import { expect } from "chai";
import type {
  HttpResponse,
  us_listen_socket,
  WebSocket,
} from "../../../../lib/engine/uws/load.ts";
import { handshake } from "../../../support/frame-client.ts";
import { BINARY, frame } from "../../../support/frames.ts";
import { afterTest } from "../../../support/hooks.ts";
import { describeOnUws } from "../../../support/native.ts";

const MIB = 1024 * 1024;
const MESSAGE = Buffer.alloc(64 * 1024);
const COUNT = 256;

describeOnUws(
  "pause() and resume() of a response, of a WebSocket's connection",
  () => {
    it("hold the client back, and let it go on, as often as they are called", async () => {
      const { uws } = await import("../../../../lib/engine/uws/load.ts");
      let pausing!: Pick<HttpResponse, "pause" | "resume">;
      let ws!: WebSocket<object>;
      let got = 0;
      let arrived = (): void => {};
      const app = uws.App().ws<object>("/", {
        maxPayloadLength: MIB,
        upgrade(res, req, context) {
          pausing = Object.getPrototypeOf(res) as typeof pausing;
          const key = req.getHeader("sec-websocket-key");
          res.upgrade({}, key, "", "", context);
        },
        open: (it) => void (ws = it),
        message(_, data) {
          got += data.byteLength;
          pausing.pause.call(ws);
          arrived();
        },
      });
      const token = await new Promise<us_listen_socket>((resolve) =>
        app.listen("127.0.0.1", 0, (it) => resolve(it as us_listen_socket)),
      );
      const client = connect(uws.us_socket_local_port(token), "127.0.0.1");
      afterTest(() => {
        client.destroy();
        app.close();
      });
      await once(client, "connect");
      client.write(handshake("/"));
      await once(client, "data");
      const all = Buffer.concat(
        Array.from({ length: COUNT }, () => frame(BINARY, MESSAGE)),
      );
      client.write(all);
      await pass(100);
      expect(got).to.be.within(1, 2 * MIB);
      while (got < COUNT * MESSAGE.length) {
        const more = new Promise<void>((resolve) => (arrived = resolve));
        pausing.resume.call(ws);
        await more;
      }
      expect(got).to.equal(COUNT * MESSAGE.length);
    });
  },
);
