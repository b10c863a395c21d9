/** What is wrong with a job of Upstart that starts eddy. */
import { lookAtStart, startsEddy } from "./command.ts";
import type { Finding } from "./finding.ts";
import { environmentOf } from "./setup.ts";
import { lineOf, wordsOf, type Source } from "./text.ts";

export const isUpstart = ({ text }: Source): boolean =>
  /^\s*(start|stop) on\b/m.test(text) && /^\s*exec\b|^\s*script\b/m.test(text);

/** Undefined where it starts no eddy. */
export async function lookAtUpstart({
  file,
  text,
}: Source): Promise<Finding[] | undefined> {
  const command = /^\s*exec (.*)$/m.exec(text)?.[1];
  const words = command === undefined ? [] : wordsOf(command);
  if (!startsEddy(words)) return undefined;
  const timeout = /^\s*kill timeout (\d+)/m.exec(text)?.[1] ?? "5";
  return await lookAtStart({
    where: `${file}:${lineOf(text, /^\s*exec /m)}`,
    words,
    env: environmentOf({}),
    grace: {
      ms: Number(timeout) * 1000,
      name: "Upstart",
      setting: "kill timeout",
    },
    isRoot: !/^\s*setuid (?!root)/m.test(text),
    isPrivileged: !/^\s*setuid (?!root)/m.test(text),
    isContainer: false,
  });
}
