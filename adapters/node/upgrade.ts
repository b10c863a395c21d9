/**
 * Upgrades, for a server of node:http that listens to them: `ws`, Socket.IO, what Fastify and NestJS have.
 *
 * The client's connection is the gateway's, and may carry others' requests, or no bytes that anybody else can read. So
 * the server gets a connection of its own, in memory, with the request as the client sent it; what it makes a WebSocket
 * of is handed on message by message, as to a server behind the loop. On either engine, with the loop's limits and
 * drain.
 */
import type { Server } from "node:http";
import type { GatewayRequest, Reply } from "../../lib/adapter.ts";
import { forward, Upstreams, upstreamSettings } from "../../lib/upstream.ts";
import type { Operation } from "eddy/operations";
import { toNative } from "../common/cgi.ts";
import { ELSEWHERE, upgrading } from "../common/web-socket.ts";
import { WireEnd } from "./wire.ts";

/** What `forward` chooses from. It is never left out. */
const APPLICATION = [{ name: "node()", connect: { path: "" }, secure: false }];
const SETTINGS = upstreamSettings(
  { maxFails: Number.MAX_SAFE_INTEGER, retries: 0 },
  1,
);

export class Upgrades {
  readonly #servers = new Upstreams(APPLICATION, SETTINGS);

  /** What the server answers. `path`: as it is to see it. */
  handle(
    request: GatewayRequest,
    server: Server,
    path: string,
  ): Operation<Reply> {
    const handshake = {
      path,
      fields: request.headers.raw.map(toNative),
      connect: () => connectTo(server, request),
      maxMessageBytes: ELSEWHERE.maxMessageBytes,
    };
    return forward(request, () => upgrading(request, handshake), this.#servers);
  }
}

/** The client's end of a connection in memory, of which the server has the other one. */
function connectTo(
  server: Server,
  { remoteAddress, scheme }: GatewayRequest,
): WireEnd {
  const [ours, theirs] = WireEnd.pair();
  theirs.remoteAddress = remoteAddress || undefined;
  theirs.encrypted = scheme === "https";
  server.emit("connection", theirs);
  return ours;
}
