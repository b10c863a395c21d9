import { IncomingMessage, ServerResponse } from "node:http";
import { expect } from "chai";
import { brokenParts } from "../../../adapters/node/contract.ts";

describe("The contract of node() with node:http", () => {
  it("holds on this Node", () => {
    expect(brokenParts()).to.deep.equal([]);
  });

  it("tells of each part that another Node would have otherwise", () => {
    const whole = { Request: IncomingMessage, Response: ServerResponse };
    const { prototype } = ServerResponse;
    class Silent extends ServerResponse {
      override write(): boolean {
        return true;
      }
      override end(): this {
        return this;
      }
    }
    class Forgetful extends IncomingMessage {
      override headers = {};
    }
    class Detached extends ServerResponse {
      override destroy(): this {
        return this;
      }
      override writeContinue(): void {}
    }
    class Prompt extends ServerResponse {
      override end(): this {
        prototype.end.call(this, "", "utf8");
        this.emit("finish");
        return this;
      }
    }
    const parts = {
      silent: brokenParts({ ...whole, Response: Silent }),
      forgetful: brokenParts({ ...whole, Request: Forgetful as never }),
      detached: brokenParts({ ...whole, Response: Detached }),
      prompt: brokenParts({ ...whole, Response: Prompt }),
    };
    expect(parts.silent.join()).to.match(
      /end\(\) goes.*write\(\) goes.*finish.*writableNeedDrain/,
    );
    expect(parts.forgetful).to.have.length(1);
    expect(parts.detached.join()).to.match(/interim.*destroys its connection/);
    expect(parts.prompt.join()).to.match(/`finish` is emitted/);
  });
});
