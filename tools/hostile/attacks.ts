/** All of them, in the order of the table. */
import type { Attack, Size } from "./attack.ts";
import {
  abortAfter,
  abortBefore,
  abortDuring,
  abortFetchBefore,
  abortFetchDuring,
} from "./attacks/abort-storms.ts";
import { crowd } from "./attacks/crowd.ts";
import { forms } from "./attacks/forms.ts";
import { longHeader, manyHeaders } from "./attacks/giant-headers.ts";
import { halfClosed } from "./attacks/half-closed.ts";
import { heldBack } from "./attacks/held-back.ts";
import { idle } from "./attacks/idle.ts";
import {
  pipelining,
  pipeliningPending,
  pipeliningUnread,
} from "./attacks/pipelining.ts";
import { resetAfter, resetBefore, resetDuring } from "./attacks/resets.ts";
import { slowBodies, starvedUploads } from "./attacks/slow-bodies.ts";
import { slowHeaders } from "./attacks/slow-headers.ts";
import { deafReaders, sippingReaders } from "./attacks/slow-readers.ts";
import {
  droppedSockets,
  floodedSocket,
  floodedSocketTls,
} from "./attacks/sockets.ts";

export const attacks: ((size: Size, engine: string) => Attack)[] = [
  slowHeaders,
  slowBodies,
  starvedUploads,
  deafReaders,
  sippingReaders,
  halfClosed,
  idle,
  abortBefore,
  abortDuring,
  abortAfter,
  abortFetchBefore,
  abortFetchDuring,
  pipelining,
  pipeliningPending,
  pipeliningUnread,
  manyHeaders,
  longHeader,
  forms,
  droppedSockets,
  floodedSocket,
  floodedSocketTls,
  crowd,
];

/** By HTTP/2. */
export const http2Attacks: typeof attacks = [
  resetBefore,
  resetDuring,
  resetAfter,
];

/** Of these only time can tell. */
export const longAttacks: typeof attacks = [heldBack];
