import { expect } from "chai";
import type { Accept } from "../../../../lib/engine/socket.ts";
import type {
  HttpResponse,
  TemplatedApp,
  WebSocket,
} from "../../../../lib/engine/uws/load.ts";
import { describeOnUws } from "../../../support/native.ts";

describeOnUws("UwsSocket.end()", () => {
  it("lets a client go that is held back: the engine would not hear it end", async () => {
    const { UwsSocket } = await import("../../../../lib/engine/uws/socket.ts");
    const calls: string[] = [];
    const response = Object.create({
      pause: () => void calls.push("pause"),
      resume: () => void calls.push("resume"),
    }) as HttpResponse;
    const accept = {
      events: { opened: () => {} },
      limits: { idleTimeoutMs: 0 },
    } as unknown as Accept;
    const socket = new UwsSocket(accept, {} as TemplatedApp, response);
    const end = (code: number): void => void calls.push(`end ${code}`);
    socket.opened({ end } as WebSocket<never>);
    socket.pause();
    socket.end(1000, "");
    expect(calls).to.deep.equal(["pause", "resume", "end 1000"]);
  });
});
