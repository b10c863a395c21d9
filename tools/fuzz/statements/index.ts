/** All kinds of statements. */
import { combining } from "./combining.ts";
import { contexts } from "./contexts.ts";
import { control } from "./control.ts";
import { effects } from "./effects.ts";
import type { Kinds } from "./kind.ts";
import { lifetimes } from "./lifetimes.ts";
import { outside } from "./outside.ts";
import { scopes } from "./scopes.ts";
import { streams } from "./streams.ts";
import { tasks } from "./tasks.ts";

export const kinds: Kinds = {
  ...control,
  ...tasks,
  ...combining,
  ...lifetimes,
  ...contexts,
  ...streams,
  ...effects,
  ...scopes,
  ...outside,
};
