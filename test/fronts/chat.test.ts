/** The sample of a chat in a browser: two tabs, and a server that is restarted. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect } from "chai";
import { Chromium, type Tab } from "../support/chromium.ts";
import { freePort } from "../support/free-port.ts";
import { afterTest } from "../support/hooks.ts";
import { describeIf, missing } from "../support/programs.ts";
import { ROOT } from "../support/root.ts";

async function start(name: string, port: number): Promise<ChildProcess> {
  const server = spawn(
    process.execPath,
    [join(ROOT, `dist/samples/${name}.js`)],
    {
      cwd: ROOT,
      env: { ...process.env, PORT: String(port) },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  afterTest(() => stop(server));
  const lines = createInterface(server.stdout);
  for await (const line of lines)
    if (line.includes("listening on")) {
      server.stdout.resume();
      return server;
    }
  throw new Error("the sample has ended");
}

async function stop(server: ChildProcess): Promise<void> {
  if (server.exitCode === null && server.kill()) await once(server, "exit");
}

const IS_CONNECTED = `document.querySelector("#state")?.textContent === "connected"`;

const say = (tab: Tab, text: string): Promise<unknown> =>
  tab.evaluate(
    `document.querySelector("#text").value = ${JSON.stringify(text)}; document.querySelector("form").requestSubmit()`,
  );

const untilSaid = (tab: Tab, text: string): Promise<void> =>
  tab.until(
    `[...document.querySelectorAll("li")].some(({ textContent }) => textContent === ${JSON.stringify(text)})`,
  );

describeIf(missing("chromium"), "Chromium, and the sample", () => {
  it("chat: two tabs hear each other, and come back when the server does", async function () {
    this.timeout(180_000); // the fronts run beside each other
    const port = await freePort();
    const server = await start("chat", port);
    const browser = await Chromium.start();
    const url = `http://127.0.0.1:${port}/kitchen`;
    const [one, two] = [await browser.tab(url), await browser.tab(url)];
    const elsewhere = await browser.tab(`http://127.0.0.1:${port}/garden`);
    for (const tab of [one, two, elsewhere]) await tab.until(IS_CONNECTED);
    await say(one, "tea?");
    for (const tab of [one, two]) await untilSaid(tab, "tea?");
    await stop(server);
    await one.until(`!(${IS_CONNECTED})`);
    await start("chat", port);
    for (const tab of [one, two]) await tab.until(IS_CONNECTED);
    await say(two, "<b>with milk</b>");
    for (const tab of [one, two]) await untilSaid(tab, "<b>with milk</b>");
    const others = await elsewhere.evaluate(
      `document.querySelectorAll("li").length`,
    );
    expect(others).to.equal(0);
  });

  it("ticker: a page that changes by itself", async function () {
    this.timeout(180_000); // the fronts run beside each other
    const port = await freePort();
    await start("ticker", port);
    const tab = await (await Chromium.start()).tab(`http://127.0.0.1:${port}/`);
    const price = `document.querySelector("h1")?.textContent`;
    await tab.until(`/^[\\d.]+$/.test(${price})`);
    const before = await tab.evaluate(price);
    await tab.until(`${price} !== ${JSON.stringify(before)}`);
  });
});
