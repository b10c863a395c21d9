/** What is wrong with how a Dockerfile starts eddy. */
import { basename } from "node:path";
import { lookAtStart, portCheck, startsEddy } from "./command.ts";
import type { Finding } from "./finding.ts";
import { versionFinding } from "./machine.ts";
import { environmentOf } from "./setup.ts";
import { ENDING } from "./systemd.ts";
import { wordsOf, type Source } from "./text.ts";

export const isDockerfile = ({ file, text }: Source): boolean =>
  /dockerfile/i.test(basename(file)) ||
  (/^FROM\s+\S+/im.test(text) && /^(CMD|ENTRYPOINT|RUN|COPY)\b/im.test(text));

interface Instruction {
  readonly name: string;
  readonly rest: string;
  readonly line: number;
}

/** Of its last stage. Undefined where it starts no eddy. */
export async function lookAtDockerfile({
  file,
  text,
}: Source): Promise<Finding[] | undefined> {
  const all = instructionsOf(text);
  const stage = all.slice(all.findLastIndex(({ name }) => name === "FROM"));
  const last = (name: string): Instruction | undefined =>
    stage.findLast((one) => one.name === name);
  const command = last("CMD") ?? last("ENTRYPOINT");
  const words = [last("ENTRYPOINT"), last("CMD")].flatMap((one) =>
    one ? listOf(one) : [],
  );
  if (command === undefined || !startsEddy(words)) return undefined;
  const env = Object.fromEntries(
    stage
      .filter(({ name }) => name === "ENV")
      .flatMap(({ rest }) => {
        const spaced = /^(\w+)\s+([^=]*)$/.exec(rest);
        return spaced
          ? [[spaced[1]!, spaced[2]!]]
          : wordsOf(rest).map((pair) => pair.split(/=(.*)/s).slice(0, 2));
      }),
  ) as NodeJS.ProcessEnv;
  const user = last("USER")?.rest ?? "root";
  const exposed = stage
    .filter(({ name }) => name === "EXPOSE")
    .flatMap(({ rest }) =>
      [...rest.matchAll(/\b(\d+)\b/g)].map(([, port]) => Number(port)),
    );
  const node = /^(?:\S*\/)?node:(\d[\d.]*)/.exec(stage[0]?.rest ?? "")?.[1];
  return [
    ...(node === undefined
      ? []
      : versionFinding(`${file}:${stage[0]!.line}`, node)),
    ...(await lookAtStart(
      {
        where: `${file}:${command.line}`,
        words,
        env: environmentOf(env),
        isRoot: /^(root|0)(:|$)/.test(user),
        isPrivileged: true, // Docker lets everybody listen below 1024
        isContainer: true,
      },
      [
        portCheck(exposed, "EXPOSE"),
        {
          code: "engine",
          wrong: ({ setup }) =>
            setup.settings.engine === "uws" &&
            /alpine/.test(stage[0]?.rest ?? "") &&
            "uWebSockets.js is built for glibc, and Alpine has musl: it does not load",
          todo: "an image with glibc, such as node:22-bookworm-slim, or --engine node",
        },
        {
          code: "signals-lost",
          wrong: () => {
            const signal = last("STOPSIGNAL")?.rest ?? "SIGTERM";
            return (
              !ENDING.test(signal) &&
              `STOPSIGNAL ${signal} does not let requests finish`
            );
          },
          todo: "leave STOPSIGNAL out",
        },
      ],
    )),
  ];
}

function instructionsOf(text: string): Instruction[] {
  const found: Instruction[] = [];
  let begun: Instruction | undefined;
  for (const [i, line] of text.split("\n").entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const [, name = "", rest = ""] = /^\s*(\w+)\s+(.*)$/.exec(line) ?? [];
    begun =
      begun === undefined
        ? { name: name.toUpperCase(), rest, line: i + 1 }
        : { ...begun, rest: `${begun.rest} ${line.trim()}` };
    if (/\\\s*$/.test(begun.rest))
      begun = { ...begun, rest: begun.rest.replace(/\\\s*$/, "") };
    else {
      found.push(begun);
      begun = undefined;
    }
  }
  return found;
}

/** As a list, or as text for a shell. */
function listOf({ rest }: Instruction): string[] {
  if (!rest.startsWith("[")) return ["sh", "-c", rest];
  try {
    return JSON.parse(rest) as string[];
  } catch {
    return ["sh", "-c", rest]; // as Docker itself takes it
  }
}
