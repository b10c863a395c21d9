/** Forms as Chromium posts them and reads them, beside request.form(). */
import { join } from "node:path";
import { expect } from "chai";
import { html, json } from "../../lib/index.ts";
import { entriesOf, FORMS, TYPE, type Entry } from "../lib/request/forms.ts";
import { folderWith } from "../support/folder.ts";
import { describeIf, missing } from "../support/programs.ts";
import { serveWith, type TestServer } from "../support/server.ts";
import { browse, remoteControl } from "./browser.ts";

/** Reads the bodies of the corpus, and reports what it found. */
const READER = `<!doctype html><script type="module">
  const latin1 = (buffer) =>
    Array.from(new Uint8Array(buffer), (one) => String.fromCharCode(one)).join("");
  const read = async ({ type = "${TYPE}", body }) => {
    const bytes = Uint8Array.from(body, (one) => one.charCodeAt(0));
    const response = new Response(bytes, { headers: { "content-type": type } });
    const entries = [];
    for (const [name, value] of await response.formData())
      entries.push([name, typeof value === "string" ? value : {
        name: value.name, type: value.type, text: latin1(await value.arrayBuffer()),
      }]);
    return entries;
  };
  const answers = [];
  for (const one of await (await fetch("/forms")).json())
    answers.push(await read(one).catch(() => "error"));
  await fetch("/report", { method: "POST", body: JSON.stringify(answers) });
</script>`;

/** What browsers escape, and what they do not. A "%22" in it could not be told from a quote: they send both alike. */
const NAME = 'a"b\\c é;\r\n';

/** Forms of each kind, sent by the page itself. Folders and files are chosen from outside. */
const SENDER = `<!doctype html><meta charset="utf-8">
  <form id="plain" method="post" action="/posted" enctype="multipart/form-data" target="frame">
    <input id="file" type="file" name="file" multiple>
    <input id="folder" type="file" name="folder" webkitdirectory>
    <input type="file" name="none">
    <textarea name="text">one\ntwo é</textarea>
    <input type="hidden" name="_charset_">
  </form>
  <iframe name="frame"></iframe>
  <script>
    const odd = document.createElement("input");
    [odd.type, odd.name, odd.value] = ["hidden", ${JSON.stringify(NAME)}, ${JSON.stringify(NAME)}];
    document.getElementById("plain").append(odd);
    fetch("/ready", { method: "POST" });
  </script>`;

interface Posted {
  readonly type: string;
  readonly entries: Entry[];
}

async function serve(): Promise<{
  server: TestServer;
  reported: Promise<unknown>;
  ready: Promise<unknown>;
  posted: () => Promise<Posted>;
}> {
  const waiting: ((one: Posted) => void)[] = [];
  let report!: (answers: unknown) => void;
  const reported = new Promise((resolve) => (report = resolve));
  let beReady!: () => null;
  const ready = new Promise<void>((resolve) => {
    beReady = () => {
      resolve();
      return null;
    };
  });
  const server = await serveWith((loop) =>
    loop
      .get("/reader", () => html(READER))
      .get("/sender", () => html(SENDER))
      .get("/favicon.ico", () => null)
      .get("/forms", () =>
        json(FORMS.map(({ type, body }) => ({ type, body }))),
      )
      .post("/ready", () => beReady())
      .post("/report", async (request) => {
        report(await request.json());
        return null;
      })
      .post("/posted", async (request) => {
        const entries = await entriesOf(await request.form());
        const type = request.headers.get("content-type")!.split(";", 1)[0]!;
        waiting.shift()?.({ type, entries });
        return "";
      }),
  );
  const posted = (): Promise<Posted> =>
    new Promise((resolve) => waiting.push(resolve));
  return { server, reported, ready, posted };
}

describeIf(missing("chromium"), "Chromium", () => {
  it("reads each form of the corpus as it says there", async function () {
    this.timeout(180_000); // the fronts run beside each other
    const { server, reported } = await serve();
    browse(`${server.url}/reader`);
    const answers = (await reported) as unknown[];
    for (const [i, { title, chrome }] of FORMS.entries())
      expect(answers[i], title).to.deep.equal(chrome);
  });

  it("posts forms, files and a folder that request.form() reads as they are", async function () {
    this.timeout(180_000); // the fronts run beside each other
    const { server, ready, posted } = await serve();
    const folder = folderWith({ "b.txt": "b", 'o"d é.txt': "odd" });
    const upload = folderWith({ "top/a.txt": "a", "top/sub/c.bin": "c" });
    const page = await remoteControl(`${server.url}/sender`);
    await ready;
    const names = ["b.txt", 'o"d é.txt'];
    await page.choose("file", ...names.map((name) => join(folder, name)));
    await page.choose("folder", join(upload, "top"));
    const multipart = posted();
    await page.evaluate('document.getElementById("plain").submit()');
    const { type, entries } = await multipart;
    expect(type).to.equal("multipart/form-data");
    expect(entries.toSorted(byFileName)).to.deep.equal(
      [
        ["file", { name: names[0], type: "text/plain", text: "b" }],
        ["file", { name: names[1], type: "text/plain", text: "odd" }],
        ["folder", { name: "top/a.txt", type: "text/plain", text: "a" }],
        [
          "folder",
          {
            name: "top/sub/c.bin",
            type: "application/octet-stream",
            text: "c",
          },
        ],
        ["none", { name: "", type: "application/octet-stream", text: "" }],
        ["text", "one\r\ntwo é"],
        ["_charset_", "UTF-8"],
        [NAME, NAME],
      ].toSorted(byFileName as never),
    );
    const urlencoded = posted();
    await page.evaluate(
      `{ const form = document.getElementById("plain");
         form.enctype = "application/x-www-form-urlencoded";
         for (const one of form.querySelectorAll("[type=file]")) one.remove();
         form.submit(); }`,
    );
    expect(await urlencoded).to.deep.equal({
      type: "application/x-www-form-urlencoded",
      entries: [
        ["text", "one\r\ntwo é"],
        ["_charset_", "UTF-8"],
        [NAME, NAME],
      ],
    });
  });
});

const byFileName = ([, a]: Entry, [, b]: Entry): number =>
  JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
