/** Measures one suite: all its servers side by side, one load at a time, in rounds. */
import { startServer, stopAll, usage } from "./children.js";
import { median } from "./statistics.js";

/**
 * Gives for each tool the rows { name, perSecond, p50, p99, cpu, ratio }, each value a median over the rounds.
 * `names` are those of the suite's servers to measure, the baseline among them; `say` is told what goes on.
 */
export async function measure(suite, names, tools, options, say) {
  const { rounds, seconds, connections } = options;
  const { headers, method, body } = suite;
  const request = { headers, method, body, connections };
  try {
    const servers = [];
    for (const name of names) servers.push(await startServer(name));
    await checkAnswers(servers, suite);
    for (const server of servers) {
      say(`warming up ${server.name}`);
      await load(tools[0], server, suite.path, { ...request, seconds: 1 });
    }

    const samples = tools.map(() => []); // by tool, then by round: { [server]: sample }
    for (let round = 0; round < rounds; round++) {
      for (const [index, tool] of tools.entries()) {
        const taken = (samples[index][round] = {});
        for (const server of rotate(servers, round)) {
          say(
            `round ${round + 1} of ${rounds}: ${tool.name} on ${server.name}`,
          );
          taken[server.name] = await load(tool, server, suite.path, {
            ...request,
            seconds,
          });
        }
      }
    }
    return tools.map((tool, index) => ({
      tool: tool.name,
      rows: names.map((name) => row(name, suite.baseline, samples[index])),
    }));
  } finally {
    await stopAll();
  }
}

/** Every server has to do the same work: a fast 404, or a shorter text, would look like a fast server. */
async function checkAnswers(servers, { path, headers, method, body }) {
  let expected;
  const request = { headers, method, body, redirect: "manual" };
  for (const { name, origin } of servers) {
    const response = await fetch(origin + path, request);
    const answer = `${response.status} ${await response.text()}`;
    expected ??= answer;
    if (!response.ok || answer !== expected)
      throw new Error(
        `server ${name} answers "${start(answer)}" where "${start(expected)}" is expected`,
      );
  }
}

const start = (text) => text.slice(0, 100);

async function load(tool, server, path, request) {
  const before = await usage(server);
  const { failures, ...sample } = await tool.load({
    url: server.origin + path,
    ...request,
  });
  const failed = Object.entries(failures).filter(([, count]) => count > 0);
  if (failed.length > 0 || !(sample.requests > 0)) {
    const list = failed.map(([kind, count]) => `${count} ${kind}`).join(", ");
    throw new Error(
      `server ${server.name} has failed under ${tool.name}: ${list || "no request was answered"}`,
    );
  }
  const after = await usage(server);
  return {
    ...sample,
    cpu:
      (after.user + after.system - before.user - before.system) /
      sample.requests,
  };
}

/** The ratio is taken within each round, where both servers met about the same noise, and only then its median. */
function row(name, baseline, rounds) {
  const middle = (pick) => median(rounds.map(pick));
  return {
    name,
    perSecond: middle((round) => round[name].perSecond),
    p50: middle((round) => round[name].p50),
    p99: middle((round) => round[name].p99),
    cpu: middle((round) => round[name].cpu),
    ratio: middle((round) => round[name].cpu / round[baseline].cpu),
  };
}

/** Each round begins with another server, so that none always follows the same one. */
function rotate(list, by) {
  const from = by % list.length;
  return [...list.slice(from), ...list.slice(0, from)];
}
