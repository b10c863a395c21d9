/** What sockets came to, for Prometheus: of each worker, and by mount. */
import type { PlaceCounts, SocketCounts } from "../index.ts";
import type { MountStatus } from "../status/mounts.ts";

/** What is counted at each place: its name behind `eddy_sockets` and `eddy_mount_sockets`. */
const OF_PLACES: readonly [
  key: keyof PlaceCounts,
  name: string,
  help: string,
  isOfNow: boolean,
][] = [
  ["open", "", "WebSockets that are open", true],
  [
    "subscriptions",
    "_subscriptions",
    "Subscriptions of open WebSockets to topics",
    true,
  ],
  ["opened", "_opened", "WebSockets that were opened", false],
  [
    "received",
    "_messages_received",
    "Messages that WebSockets have got",
    false,
  ],
  [
    "receivedBytes",
    "_received_bytes",
    "Bytes of the messages that WebSockets have got",
    false,
  ],
  [
    "sent",
    "_messages_sent",
    "Messages sent to WebSockets, published ones once for each subscriber",
    false,
  ],
  [
    "sentBytes",
    "_sent_bytes",
    "Bytes of the messages sent to WebSockets",
    false,
  ],
  [
    "dropped",
    "_messages_dropped",
    "Messages that slow clients have lost",
    false,
  ],
  [
    "closedAsSlow",
    "_closed_as_slow",
    "Clients that were too far behind",
    false,
  ],
];

const SINCE = ", since the worker started";

/** Of a worker. */
export const OF_SOCKETS: readonly [
  name: string,
  help: string,
  of: (worker: { readonly sockets: SocketCounts }) => number,
][] = [
  ...OF_PLACES.map(
    ([key, name, help, isOfNow]): (typeof OF_SOCKETS)[number] => [
      `eddy_sockets${name}`,
      isOfNow ? help : help + SINCE,
      ({ sockets }) => sockets[key],
    ],
  ),
  [
    "eddy_sockets_messages_lost",
    `Published messages lost between processes${SINCE}`,
    ({ sockets }) => sockets.lost,
  ],
];

/** Both kinds of metrics begin at 0. */
type Make = (
  name: string,
  help: string,
  labelNames: string[],
) => { inc(labels: { mount: string }, by: number): void };

/** By mount, of all workers so far: of those mounts where connections can be upgraded. */
export function addMountSockets(
  mounts: readonly MountStatus[],
  { gauge, counter }: Record<"gauge" | "counter", Make>,
): void {
  for (const [key, name, help, isOfNow] of OF_PLACES) {
    const [make, end] = isOfNow ? [gauge, ""] : [counter, "_total"];
    const full = `eddy_mount_sockets${name}${end}`;
    const one = make(full, `${help}, by mount or route`, ["mount"]);
    for (const { mount, sockets } of mounts)
      if (sockets !== undefined) one.inc({ mount }, sockets[key]);
  }
}
