/** Chromium without a window, and without anything that it does by itself; it ends with the test. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { WebSocket } from "ws";
import { folderWith } from "../support/folder.ts";
import { afterTest } from "../support/hooks.ts";
import { PROGRAM_ENV } from "../support/programs.ts";

function start(url: string, ...further: string[]) {
  const folder = folderWith({});
  const flags = [
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run",
    "--disable-background-networking --disable-component-update",
    `--disable-sync --ignore-certificate-errors --user-data-dir=${folder}`,
  ].flatMap((line) => line.split(" "));
  const browser = spawn("chromium", [...flags, ...further, url], {
    env: { ...PROGRAM_ENV, TMPDIR: folder, LC_ALL: "C.UTF-8" }, // names of files are not ASCII alone
    stdio: ["ignore", "ignore", "pipe"],
  });
  afterTest(async () => {
    if (browser.kill()) await once(browser, "exit");
  });
  return browser;
}

/** Opens a page, which does the rest. */
export function browse(url: string): void {
  start(url).stderr.resume();
}

/** Opens a page, and gives a way to call the browser (Chrome DevTools Protocol) about it. */
export async function remoteControl(url: string): Promise<RemoteControl> {
  const browser = start(url, "--remote-debugging-port=0");
  const lines = createInterface(browser.stderr);
  let address: string | undefined;
  for await (const line of lines) {
    address = /^DevTools listening on ws:\/\/([^/]+)/.exec(line)?.[1];
    if (address !== undefined) break;
  }
  browser.stderr.resume();
  const pages = await fetch(`http://${address}/json/list`);
  const found = (await pages.json()) as {
    type: string;
    webSocketDebuggerUrl: string;
  }[];
  const page = found.find(({ type }) => type === "page")!;
  const socket = new WebSocket(page.webSocketDebuggerUrl);
  afterTest(() => socket.terminate());
  await once(socket, "open");
  return new RemoteControl(socket);
}

type Result = object;

export class RemoteControl {
  readonly #socket: WebSocket;
  #calls = 0;

  constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  call(method: string, params: object = {}): Promise<Result> {
    const id = ++this.#calls;
    return new Promise((resolve, reject) => {
      const look = (data: Buffer): void => {
        const message = JSON.parse(data.toString()) as {
          id?: number;
          result?: Result;
          error?: { message: string };
        };
        if (message.id !== id) return;
        this.#socket.off("message", look);
        if (message.error) reject(new Error(message.error.message));
        else resolve(message.result!);
      };
      this.#socket.on("message", look);
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }

  /** Chooses files, or one folder, in the input with this id. */
  async choose(input: string, ...files: string[]): Promise<void> {
    const element = `document.getElementById(${JSON.stringify(input)})`;
    const { result } = (await this.call("Runtime.evaluate", {
      expression: element,
    })) as { result: { objectId: string } };
    const { objectId } = result;
    await this.call("DOM.setFileInputFiles", { objectId, files });
    // a folder is read by another process of the browser's
    const look = `function look() { ${element}.files.length > 0 ? done() : setTimeout(look, 10) }`;
    await this.call("Runtime.evaluate", {
      expression: `new Promise((done) => (${look})())`,
      awaitPromise: true,
    });
  }

  async evaluate(expression: string): Promise<void> {
    await this.call("Runtime.evaluate", { expression });
  }
}
