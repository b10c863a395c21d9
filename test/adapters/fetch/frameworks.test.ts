/** Applications of several frameworks, on eddy and on \@hono/node-server: status, fields and body are the same. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { expect } from "chai";
import { fetch as adapt, type FetchApp } from "../../../adapters/fetch.ts";
import { shareServer } from "../../support/shared-server.ts";
import { FRAMEWORKS, type Question } from "./frameworks.ts";

/** What belongs to the server, or to the connection. */
const ITS_OWN = [
  "date",
  "connection",
  "keep-alive",
  "uwebsockets",
  "transfer-encoding",
];

interface Answer {
  readonly status: number;
  readonly reason: string;
  readonly fields: Record<string, string>;
  readonly cookies: string[];
  readonly body: string;
}

async function ask(
  origin: string,
  { path, method = "GET", headers = {}, body, ours }: Question,
): Promise<Answer> {
  const asked = { "accept-encoding": "identity", ...headers };
  const init = {
    method,
    headers: asked,
    redirect: "manual" as const,
    ...(body !== undefined && { body }),
  };
  const response = await fetch(origin + path, init);
  const fields = Object.fromEntries(
    [...response.headers].filter(
      ([name]) => name !== ours && !ITS_OWN.includes(name),
    ),
  );
  if (fields["content-type"] !== undefined)
    fields["content-type"] = fields["content-type"]
      .replace("; ", ";")
      .toLowerCase();
  const text = Buffer.from(await response.arrayBuffer()).toString("latin1");
  return {
    status: response.status,
    reason: ours === "reason" ? "" : response.statusText,
    fields,
    cookies: response.headers.getSetCookie(),
    body: text.replaceAll(origin, "http://127.0.0.1:00000"), // an error may show its URL
  };
}

/** What node-server answers, with Node's own Response: before there is a loop that replaces it. */
async function answersOfNode(
  app: FetchApp,
  questions: readonly Question[],
): Promise<Answer[]> {
  const call =
    typeof app === "function" && !("fetch" in app)
      ? app
      : (app as { fetch: typeof fetch }).fetch;
  const server = createAdaptorServer({
    fetch: call as never,
    overrideGlobalObjects: false,
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const answers = [];
  for (const question of questions)
    answers.push(await ask(`http://127.0.0.1:${port}`, question));
  server.close();
  return answers;
}

for (const { name, app, questions } of FRAMEWORKS)
  for (const lightResponse of [true, false])
    describe(`${name} on fetch(), lightResponse ${lightResponse},`, () => {
      let expected: Answer[];
      before(async () => {
        expected = await answersOfNode(app, questions);
      });
      const server = shareServer((loop) =>
        loop.mount(adapt(app, { lightResponse })),
      );
      for (const [i, question] of questions.entries())
        it(`answers ${question.method ?? "GET"} ${question.path} as on node-server (${i})`, async () => {
          const answer = await ask(server().url, question);
          expect(answer.status).to.equal(question.status);
          if (question.answer) expect(answer.body).to.match(question.answer);
          for (const one of [expected[i]!, answer])
            checkLength(one, question.method ?? "GET");
          expect(answer).to.deep.equal(expected[i]);
        });
    });

/** A length need not be told, but is right where it is. */
function checkLength({ fields, body }: Answer, method: string): void {
  const told = fields["content-length"];
  if (told !== undefined && method !== "HEAD")
    expect(told).to.equal(String(body.length));
  delete fields["content-length"];
}
