/** Where the fuzzed applications are, on eddy as on node:http, and what of them matters to whoever sends requests. */

interface Kind {
  readonly status: number;
  /** It reads the body. */
  readonly reads: boolean;
  /** It takes a turn of the event loop before it answers. */
  readonly waits: boolean;
  /** Other methods get 405. */
  readonly methods?: readonly string[];
}

const READING = { status: 200, reads: true, waits: false };
const WAITING = { ...READING, waits: true };
const DEAF = { ...READING, reads: false };

export type Place =
  | "/sync"
  | "/async"
  | "/turn"
  | "/operation"
  | "/later"
  | "/wsgi"
  | "/get"
  | "/nothing";

export const PLACES: Readonly<Record<Place, Kind>> = {
  "/sync": DEAF,
  "/async": READING,
  "/turn": WAITING,
  "/operation": READING,
  "/later": WAITING,
  "/wsgi": READING,
  "/get": { ...DEAF, methods: ["GET", "HEAD"] },
  "/nothing": { ...DEAF, status: 404 },
};

export const placeNames = Object.keys(PLACES) as Place[];
