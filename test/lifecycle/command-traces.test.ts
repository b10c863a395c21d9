/** `--traces`: spans of a worker's requests, by the SDK that its application registers. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { eddy, PATIENCE_MS } from "../support/command.ts";
import { folderWith } from "../support/folder.ts";
import { afterTest } from "../support/hooks.ts";
import { ROOT } from "../support/root.ts";

describe("eddy --traces", function () {
  this.timeout(PATIENCE_MS);

  it("sends the spans of its workers, the last ones when they end", async () => {
    const names: string[] = [];
    const collector = createServer((request, response) => {
      void request.toArray().then((chunks) => {
        const body = Buffer.concat(chunks as Buffer[]).toString();
        names.push(
          ...[...body.matchAll(/"name":"(GET[^"]*)"/g)].map(
            ([, name]) => name!,
          ),
        );
        response.setHeader("content-type", "application/json").end("{}");
      });
    }).listen(0, "127.0.0.1");
    await once(collector, "listening");
    afterTest(() => {
      collector.close();
      collector.closeAllConnections();
    });
    const { port } = collector.address() as AddressInfo;
    const path = folderWith({
      "app.mjs": `
        import { createRequire } from "node:module";
        const require = createRequire(${JSON.stringify(join(ROOT, "package.json"))});
        const { BatchSpanProcessor, NodeTracerProvider } = require("@opentelemetry/sdk-trace-node");
        const { OTLPTraceExporter } = require("@opentelemetry/exporter-trace-otlp-http");
        const exporter = new OTLPTraceExporter({ url: "http://127.0.0.1:${port}/v1/traces" });
        const processor = new BatchSpanProcessor(exporter, { scheduledDelayMillis: 3_600_000 });
        new NodeTracerProvider({ spanProcessors: [processor] }).register();
        export default () => "hello";`,
    });
    const command = eddy(path, ["app.mjs", "--traces", "1"]);
    expect(await command.text("/path")).to.equal("hello");
    expect(names).to.deep.equal([]);
    command.kill("SIGTERM");
    expect(await command.ended).to.equal(0);
    expect(names).to.deep.equal(["GET /*"]);
  });
});
