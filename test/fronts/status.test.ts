/** The status page in a browser: beside a command with two workers, and mounted in a program. */
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { Chromium, type Tab } from "../support/chromium.ts";
import { eddy, PATIENCE_MS } from "../support/command.ts";
import { folderWith } from "../support/folder.ts";
import { freePort } from "../support/free-port.ts";
import { describeIf, missing } from "../support/programs.ts";
import { RawClient } from "../support/raw-client.ts";
import { serveWith, type TestServer } from "../support/server.ts";
import { SocketClient } from "../support/web-socket.ts";
import { upgrade } from "../../lib/index.ts";
import { status } from "../../lib/status/status.ts";

const APP = `
  import { spawn, suspend } from "effection";
  function* waitsForEver() { yield* suspend(); }
  export default function* (request) {
    if (!request.path.startsWith("/hang")) return "hello";
    yield* spawn(waitsForEver);
    yield* suspend();
  };`;

const AXE = readFileSync(
  createRequire(import.meta.url).resolve("axe-core/axe.min.js"),
  "utf8",
);

/** What a checker of accessibility finds serious, in the page as it is now. */
const barriersIn = (tab: Tab): Promise<unknown> =>
  tab.evaluate(`${AXE}; axe.run().then(({ violations }) => violations
    .filter(({ impact }) => ["serious", "critical"].includes(impact))
    .map(({ id, nodes }) => id + ": " + nodes.map(({ html }) => html).join(" ")))`);

const shown = (tab: Tab, selector: string): Promise<unknown> =>
  tab.evaluate(`document.querySelector(${JSON.stringify(selector)}).innerText`);

const says = (selector: string, text: string): string =>
  `document.querySelector(${JSON.stringify(selector)})?.innerText.includes(${JSON.stringify(text)})`;

const look = async (
  tab: Tab,
  { width, scheme }: { width: number; scheme: string },
): Promise<void> => {
  await tab.call("Emulation.setDeviceMetricsOverride", {
    width,
    height: 900,
    deviceScaleFactor: 1,
    mobile: false,
  });
  const features = [{ name: "prefers-color-scheme", value: scheme }];
  await tab.call("Emulation.setEmulatedMedia", { features });
};

/** Into a folder of whoever wants to see for themselves. */
async function photograph(tab: Tab, name: string): Promise<void> {
  const folder = process.env["EDDY_SCREENSHOTS"];
  if (folder === undefined) return;
  const { data } = await tab.call("Page.captureScreenshot", {
    captureBeyondViewport: true,
  });
  writeFileSync(`${folder}/${name}.png`, data as string, "base64");
}

const LOOKS = [
  { name: "light", width: 1200, scheme: "light" },
  { name: "dark", width: 1200, scheme: "dark" },
  { name: "narrow", width: 360, scheme: "light" },
  { name: "narrow-dark", width: 360, scheme: "dark" },
];

/** Asks for it again and again, until told to stop; leaves time to the browser. */
function load(url: string): { stop(): Promise<void> } {
  let goes = true;
  const done = (async () => {
    for (; goes; await sleep(10)) await (await fetch(url)).text();
  })();
  return {
    async stop() {
      goes = false;
      await done;
    },
  };
}

describeIf(missing("chromium"), "Chromium, and the status page", function () {
  this.timeout(3 * PATIENCE_MS); // the fronts run beside each other

  it("of the command shows a request that hangs, its tree, and halts it; light, dark and narrow, for everybody", async () => {
    const stats = `127.0.0.1:${await freePort()}`;
    const path = folderWith({ "app.mjs": APP });
    const command = eddy(path, ["app.mjs", "--workers", "2", "--stats", stats]);
    const workers = await command.workers();
    const url = await command.url();
    const visitors = load(`${url}/`);
    const tab = await (await Chromium.start()).tab(`http://${stats}/`);
    await tab.until(says("#connection", "live"));
    const client = await RawClient.connect(Number(new URL(url).port));
    client.request("GET /hang?room=%3Cb%3E");
    await tab.until(says("#tasks", "GET /hang?room=%3Cb%3E"));
    const task = await shown(tab, "#tasks");
    expect(task).to.match(/waits for suspend/);
    expect(task).to.match(/from 127\.0\.0\.1/);
    expect(task).to.match(/waitsForEver, waits for suspend/);

    for (const { name, ...its } of LOOKS) {
      await look(tab, its);
      expect(await barriersIn(tab), name).to.deep.equal([]);
      const width = await tab.evaluate("document.body.scrollWidth");
      expect(width, name).to.be.at.most(its.width);
      await photograph(tab, name);
    }
    expect(await shown(tab, "#mounts")).to.match(/ok \d+/);
    const table = await shown(tab, "#workers");
    for (const pid of workers) expect(table).to.contain(String(pid));

    await tab.evaluate(`document.querySelector("#tasks button").click()`);
    await tab.until(`document.querySelector("#ask").open`);
    expect(await shown(tab, "#ask-text")).to.match(/^GET \/hang, /);
    expect(await barriersIn(tab)).to.deep.equal([]);
    await tab.evaluate(`document.querySelector("#ask-yes").click()`);
    await tab.until(says("#report", "is halted"));
    await client.until(/HTTP\/1.1 503 /);
    await tab.until(`!(${says("#tasks", "/hang")})`);
    await visitors.stop();
    expect(tab.complaints).to.deep.equal([]);
  });

  it("of a program is read-only, and goes on when the program has been away", async () => {
    const serve = (port: number): Promise<TestServer> =>
      serveWith(
        (loop) => {
          loop.get("/hang", () => new Promise<never>(() => {}));
          loop.websocket("/chat", () =>
            upgrade(function* (socket) {
              for (const topic of ["news", "weather"]) socket.subscribe(topic);
              yield* socket.receive();
            }),
          );
          loop.mount("/status", status(loop));
        },
        {},
        { port },
      );
    const port = await freePort();
    const server = await serve(port);
    const tab = await (
      await Chromium.start()
    ).tab(`http://127.0.0.1:${port}/status`);
    await tab.until(says("#connection", "live, read-only"));
    const table = `getComputedStyle(document.querySelector("#sockets-section")).display`;
    expect(await tab.evaluate(table)).to.equal("none"); // there has been no socket
    const client = await RawClient.connect(port);
    client.request("GET /hang");
    await tab.until(says("#tasks", "the handler's promise"));
    const button = `getComputedStyle(document.querySelector("#tasks button")).display`;
    expect(await tab.evaluate(button)).to.equal("none");
    const chat = await SocketClient.open(port, "/chat");
    await tab.until(says("#tasks", "subscribed to news, weather"));
    await tab.until(says("#connections", "subscriptions to topics"));
    await tab.until(says("#connections", "bytes received"));
    chat.send("12345");
    await tab.until(says("#sockets", "1, 5 bytes"));
    expect(await shown(tab, "#sockets")).to.match(/mount\s.*\n\/chat\s/);
    await chat.closed;
    expect(tab.complaints).to.deep.equal([]);
    client.abort();
    await server.loop.close();
    await tab.until(says("#connection", "no connection"));
    await serve(port);
    await tab.until(says("#connection", "live"));
  });
});
