/** All topics. */
import type { Topic } from "../../../support/stage.ts";
import { cleanups } from "./cleanups.ts";
import { children } from "./children.ts";
import { combining } from "./combining.ts";
import { contexts } from "./contexts.ts";
import { effects } from "./effects.ts";
import { futures } from "./futures.ts";
import { halting } from "./halting.ts";
import { middleware } from "./middleware.ts";
import { outcomes } from "./outcomes.ts";
import { resources } from "./resources.ts";
import { scopes } from "./scopes.ts";
import { sweeps } from "./sweeps.ts";
import { streams } from "./streams.ts";

export const topics: Record<string, Topic> = {
  outcomes,
  halting,
  children,
  combining,
  resources,
  cleanups,
  contexts,
  scopes,
  middleware,
  streams,
  effects,
  futures,
  sweeps,
};
