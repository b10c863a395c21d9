/** Random valid requests. */
import type { Random } from "../fuzz/random.ts";
import {
  authority,
  bodyBytes,
  fieldValue,
  optionalWhiteSpace,
  path,
  query,
  token,
} from "./grammar.ts";
import { placeNames } from "./places.ts";
import { ValidRequest, type Body, type Field } from "./request.ts";

const METHODS = [
  ..."GET GET GET GET GET HEAD POST POST POST POST PUT PATCH DELETE".split(" "),
  ..."OPTIONS TRACE PROPFIND M-SEARCH PURGE".split(" "),
];

/** Fields that mean something to the servers; they are not made by chance. */
const MEANINGFUL: ReadonlySet<string> = new Set(
  "host content-length transfer-encoding connection expect upgrade te trailer keep-alive proxy-connection".split(
    " ",
  ),
);

/** `last`: no other follows on its connection. */
export function createRequest(random: Random, last: boolean): ValidRequest {
  const method = random.chance(0.02)
    ? unusualMethod(random)
    : random.pick(METHODS);
  const body = createBody(random, method);
  const fields = createFields(random);
  const host = random.chance(0.7) ? "a" : authority(random);
  const insert = (name: string, value: string, within: number): void =>
    void fields.splice(random.below(within), 0, {
      name: random.chance(0.8) ? name : name.toLowerCase(),
      value,
      around: aroundKnownValue(random),
    });
  if (body?.pieces.join("") && random.chance(0.05))
    insert("Expect", "100-continue", fields.length + 1);
  if (last && body === undefined && random.chance(0.3))
    // else the reset of the connection may overtake the reply
    insert("Connection", "close", fields.length + 1);
  insert("Host", host, 1); // the engine takes it for a second one behind fields that its filter cannot tell from it
  return new ValidRequest({
    method,
    place: random.pick(placeNames),
    path: path(random) + (random.chance(0.02) ? "/%" : ""),
    query: random.chance(0.3) ? query(random) : undefined,
    fields,
    body,
  });
}

/** RFC 9110, section 9.1: any token, and its case counts. */
function unusualMethod(random: Random): string {
  const made = random.chance(0.3) ? "get" : token(random);
  return made === "CONNECT" || made === "PRI" ? "X" : made;
}

function createBody(random: Random, method: string): Body | undefined {
  const likely = ["POST", "PUT", "PATCH"].includes(method) ? 0.9 : 0.1;
  if (!random.chance(likely)) return undefined;
  const chunked = random.chance(0.4);
  const count = chunked ? random.pick([0, 1, 1, 2, 3, 10]) : 1;
  return {
    pieces: Array.from({ length: count }, () => bodyBytes(random)),
    chunked,
    announced: {
      at: random.below(10),
      lowerCase: random.chance(0.3),
      around: aroundKnownValue(random),
    },
  };
}

function createFields(random: Random): Field[] {
  const count = random.pick([0, 0, 1, 1, 2, 3, 5, random.chance(0.1) ? 60 : 8]);
  return Array.from({ length: count }, () => {
    const name = token(random);
    return {
      name: MEANINGFUL.has(name.toLowerCase()) ? `X-${name}` : name,
      value: fieldValue(random),
      around: aroundValue(random),
    };
  });
}

function aroundValue(random: Random): Field["around"] {
  return [optionalWhiteSpace(random), optionalWhiteSpace(random)];
}

/** llhttp takes no tab behind a value that it knows. */
function aroundKnownValue(random: Random): Field["around"] {
  return [optionalWhiteSpace(random), random.pick(["", " "])];
}
