/** Chromium without a window, driven by its own protocol. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { WebSocket } from "ws";
import { folderWith } from "./folder.ts";
import { afterTest } from "./hooks.ts";
import { PROGRAM_ENV } from "./programs.ts";

/** Nothing that it does by itself. */
const FLAGS = [
  "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync",
  "--disable-background-networking --disable-component-update --remote-debugging-port=0",
  "--disable-dev-shm-usage", // a container has little of it
].flatMap((line) => line.split(" "));

type Params = Record<string, unknown>;

interface Answer {
  id?: number;
  /** Of what nobody has asked: an event of a tab. */
  method?: string;
  params?: Params;
  sessionId?: string;
  result?: Params;
  error?: { message: string };
}

interface Waiting {
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

export class Chromium {
  readonly #ws: WebSocket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #tabs = new Map<string, Tab>();
  #last = 0;

  private constructor(ws: WebSocket) {
    this.#ws = ws;
    ws.on("message", (data: Buffer) => {
      const answer = JSON.parse(data.toString()) as Answer;
      this.#waiting.get(answer.id ?? 0)?.resolve(answer);
      if (answer.method === "Inspector.targetCrashed")
        this.#fail(new Error("A tab of Chromium has crashed"));
      if (answer.method !== undefined)
        this.#tabs.get(answer.sessionId ?? "")?.hear(answer.method, answer);
    });
    ws.on("close", () => this.#fail(new Error("Chromium has ended")));
  }

  /** It ends with the test. */
  static async start(): Promise<Chromium> {
    const folder = folderWith({});
    const flags = [...FLAGS, `--user-data-dir=${folder}`, "about:blank"];
    const browser = spawn("chromium", flags, {
      env: { ...PROGRAM_ENV, TMPDIR: folder },
      stdio: ["ignore", "ignore", "pipe"],
      detached: true,
    });
    const gone = once(browser, "exit");
    afterTest(async () => {
      process.kill(-browser.pid!, "SIGKILL"); // all of its processes: none may write to its folder any more
      await gone;
    });
    for await (const line of createInterface(browser.stderr)) {
      const url = /^DevTools listening on (ws:.*)$/.exec(line)?.[1];
      if (url === undefined) continue;
      browser.stderr.resume();
      const ws = new WebSocket(url);
      await once(ws, "open");
      return new Chromium(ws);
    }
    throw new Error("Chromium has ended");
  }

  async tab(url: string): Promise<Tab> {
    const blank = { url: "about:blank" };
    const { targetId } = await this.call("Target.createTarget", blank);
    const params = { targetId, flatten: true };
    const { sessionId } = await this.call("Target.attachToTarget", params);
    const tab = new Tab(this, sessionId as string);
    this.#tabs.set(sessionId as string, tab);
    for (const domain of ["Inspector", "Runtime", "Log", "Page"])
      await tab.call(`${domain}.enable`);
    await tab.call("Page.navigate", { url });
    return tab;
  }

  /** What has been asked gets no answer any more. */
  #fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
  }

  async call(
    method: string,
    params: Params,
    sessionId?: string,
  ): Promise<Params> {
    const id = ++this.#last;
    const answered = new Promise<Answer>((resolve, reject) =>
      this.#waiting.set(id, { resolve, reject }),
    );
    this.#ws.send(JSON.stringify({ id, method, params, sessionId }));
    const { result, error } = await answered;
    this.#waiting.delete(id);
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result!;
  }
}

/** What a page complains about, by the events that tell of it. */
const COMPLAINTS: Readonly<Record<string, (params: Params) => unknown>> = {
  "Runtime.exceptionThrown": ({ exceptionDetails }) => exceptionDetails,
  "Runtime.consoleAPICalled": ({ type, args }) =>
    type === "error" ? args : undefined,
  "Log.entryAdded": ({ entry }) =>
    (entry as Params)["level"] === "error" ? entry : undefined,
};

export class Tab {
  /** Errors on its console, as JSON. */
  readonly complaints: string[] = [];
  readonly #browser: Chromium;
  readonly #session: string;

  constructor(browser: Chromium, session: string) {
    this.#browser = browser;
    this.#session = session;
  }

  call(method: string, params: Params = {}): Promise<Params> {
    return this.#browser.call(method, params, this.#session);
  }

  hear(method: string, { params = {} }: Answer): void {
    const complaint = COMPLAINTS[method]?.(params);
    if (complaint !== undefined)
      this.complaints.push(JSON.stringify(complaint));
  }

  /** The value of an expression in the page; a promise is waited for. @throws what it throws. */
  async evaluate(expression: string): Promise<unknown> {
    const params = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await this.call(
      "Runtime.evaluate",
      params,
    );
    if (exceptionDetails !== undefined)
      throw new Error(JSON.stringify(exceptionDetails));
    return (result as { value?: unknown }).value;
  }

  /** Until an expression is true in the page. */
  async until(expression: string): Promise<void> {
    while ((await this.evaluate(`Boolean(${expression})`)) !== true)
      await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
