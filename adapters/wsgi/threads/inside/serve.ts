/** Serves one request in this thread: the same application, called by the same code as on the loop. */
import { ClientAbortedError, HaltedError } from "../../../../lib/adapter.ts";
import type { Chunk } from "../../types.ts";
import { Input } from "../../input.ts";
import { runApp } from "../../run.ts";
import type { StartedReply } from "../../start-response.ts";
import type { WsgiApp } from "../../types.ts";
import { writeReply } from "../head.ts";
import { BRIEF_MS, type Beginning } from "../protocol.ts";
import { ownBytes, type Channel, type Request } from "./channel.ts";
import { ThreadRequest } from "./request.ts";

const EMPTY = new Uint8Array(0);

export function serve(
  app: WsgiApp,
  { id, head, beginning }: Request,
  channel: Channel,
  multiprocess: boolean,
): void {
  const since = performance.now();
  channel.begin(id);
  try {
    const request = new ThreadRequest(head, channel);
    const input = inputOf(beginning, channel);
    send(runApp(app, request, input, multiprocess), channel, since);
  } catch (error) {
    // That it fails when it was asked to end is no news; what comes after that is.
    const expected = channel.stopped && isReason(error);
    channel.post(expected ? ["end", id] : ["end", id, channel.toData(error)]);
  } finally {
    channel.end();
  }
}

function inputOf(body: Beginning | undefined, channel: Channel): Input {
  if (body === undefined) return new Input(EMPTY);
  const [first = EMPTY, complete] = body;
  return new Input(first, complete ? undefined : sourceOf(channel));
}

function isReason(error: unknown): boolean {
  return error instanceof ClientAbortedError || error instanceof HaltedError;
}

function send(reply: StartedReply, channel: Channel, since: number): void {
  const { body } = reply;
  if (typeof body === "string" || body instanceof Uint8Array)
    channel.reply(reply, ownBytes(body), performance.now() - since < BRIEF_MS);
  else stream(writeReply(reply), body, channel);
}

/** Leaving the iteration early ends the body: its `return()`, then its `close()`. */
function stream(head: string, body: Iterable<Chunk>, channel: Channel): void {
  let unsent: string | undefined = head;
  for (const chunk of body) {
    if (!channel.send(chunk, unsent)) break;
    unsent = undefined;
  }
  if (unsent !== undefined) channel.send("", unsent);
  channel.post(["end", channel.id]);
}

/** After its end a body stays at its end. It is the one of this request, also for whoever kept it. */
function sourceOf(channel: Channel): () => Uint8Array | undefined {
  let ended = false;
  const { id } = channel;
  return () => {
    if (ended) return undefined;
    const piece = channel.pull(id);
    ended = piece === undefined;
    return piece;
  };
}
