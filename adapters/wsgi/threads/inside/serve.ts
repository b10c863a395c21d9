/** Serves one request in this thread: the same application, called by the same code as on the loop. */
import { ClientAbortedError, HaltedError } from "../../../../lib/adapter.ts";
import { isA } from "../../../common/shown.ts";
import { Input } from "../../input.ts";
import { runApp } from "../../run.ts";
import type { StartedReply } from "../../start-response.ts";
import type { Chunk, WsgiApp } from "../../types.ts";
import type { QueuedRequest } from "../shared-queue.ts";
import { ownBytes, type Channel } from "./channel.ts";
import { ThreadRequest } from "./request.ts";

const EMPTY = new Uint8Array(0);

export function serveRequest(
  app: WsgiApp,
  { head, body }: QueuedRequest,
  channel: Channel,
  multiprocess: boolean,
): void {
  try {
    const request = new ThreadRequest(head ?? channel.readHead(), channel);
    const input = new Input(
      body ?? EMPTY,
      body === null ? sourceOf(channel) : undefined,
    );
    send(runApp(app, request, input, multiprocess), channel);
  } catch (error) {
    // When it was asked to end, that it fails for this reason is expected; any other error is told.
    const expected = channel.stopped && isReason(error);
    channel.finish(expected ? undefined : channel.toData(error));
  } finally {
    channel.end();
  }
}

function isReason(error: unknown): boolean {
  return isA(error, ClientAbortedError) || isA(error, HaltedError);
}

function send(reply: StartedReply, channel: Channel): void {
  const { body } = reply;
  if (typeof body === "string" || body instanceof Uint8Array)
    channel.reply(reply, ownBytes(body));
  else stream(reply, body, channel);
}

/** Leaving the iteration early ends the body: its `return()`, then its `close()`. */
function stream(
  reply: StartedReply,
  body: Iterable<Chunk>,
  channel: Channel,
): void {
  let unsent: StartedReply | undefined = reply;
  for (const chunk of body) {
    if (!channel.send(chunk, unsent)) break;
    unsent = undefined;
  }
  if (unsent !== undefined) channel.send("", unsent);
  channel.finish();
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
