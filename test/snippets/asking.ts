/** What snippets are asked, and what is to come. */
import { expect } from "chai";

/** A reply, as far as a page says what it is. */
export interface Expected {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | RegExp>>;
  readonly text?: string | RegExp;
  /** Of a body that has no end, or is not waited for. */
  readonly begins?: string;
}

/**
 * A request, as `GET /path` with its body behind a space; the status, the text or more of what comes; and further
 * header fields of the request.
 */
export type Asked = readonly [
  request: string,
  comes: number | string | RegExp | Expected,
  fields?: Readonly<Record<string, string>>,
];

export type Fetch = (path: string, init: RequestInit) => Promise<Response>;

export async function ask(
  fetch: Fetch,
  [request, comes, fields = {}]: Asked,
): Promise<void> {
  const [, method, path, body] = /^(\S+) (\S+)(?: (.*))?$/.exec(request)!;
  const headers: Record<string, string> = { "user-agent": "test", ...fields };
  if (body?.startsWith("{")) headers["content-type"] ??= "application/json";
  const reply = await fetch(path!, {
    method: method!,
    headers,
    redirect: "manual",
    ...(body !== undefined && { body }),
  });
  const expected =
    typeof comes === "number"
      ? { status: comes }
      : typeof comes === "string" || comes instanceof RegExp
        ? { text: comes }
        : comes;
  await compare(reply, expected, request);
}

async function compare(
  reply: Response,
  { status, headers = {}, text, begins }: Expected,
  request: string,
): Promise<void> {
  if (status !== undefined) expect(reply.status, request).to.equal(status);
  for (const [name, value] of Object.entries(headers))
    expectText(reply.headers.get(name) ?? "", value, `${request}, ${name}`);
  if (begins !== undefined)
    expect(await beginning(reply, begins.length), request).to.equal(begins);
  else expectText(await reply.text(), text ?? /^/, request);
}

function expectText(
  text: string,
  expected: string | RegExp,
  what: string,
): void {
  if (typeof expected === "string") expect(text, what).to.equal(expected);
  else expect(text, what).to.match(expected);
}

/** Then its client leaves. */
async function beginning(reply: Response, length: number): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const piece of reply.body!) {
    text += decoder.decode(piece, { stream: true });
    if (text.length >= length) break;
  }
  return text.slice(0, length);
}
