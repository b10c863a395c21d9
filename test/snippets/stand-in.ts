/** In place of a server that a page speaks of. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterTest } from "../support/hooks.ts";

/** It answers what it was asked for. Gives its host and port. */
export async function standIn(): Promise<string> {
  const server = createServer((request, response) => {
    response.end(`asked ${request.url}`);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  afterTest(() => {
    server.close();
    server.closeAllConnections();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
