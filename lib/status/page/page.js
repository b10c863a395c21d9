/**
 * The status, second by second: draws each picture that comes by `events`. What comes from requests is put in as text,
 * never as markup. Elements that are there stay, so that a button can be pressed while its row changes.
 */

const HISTORY_MS = 120_000;
const RECENT_MS = 60_000;

const byId = (id) => document.getElementById(id);

function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

/** Changes it only if it differs: what is selected stays so, and nothing is read out twice. */
function write(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/** One child for each item, in their order; `make` a new one, `update` it each time. */
function keep(parent, items, keyOf, make, update) {
  const there = new Map([...parent.children].map((it) => [it.dataset.key, it]));
  items.forEach((item, i) => {
    const key = String(keyOf(item));
    const child = there.get(key) ?? make(item);
    there.delete(key);
    child.dataset.key = key;
    update(child, item);
    if (parent.children[i] !== child)
      parent.insertBefore(child, parent.children[i] ?? null);
  });
  for (const gone of there.values()) gone.remove();
}

// Numbers for people.

const round = (value) =>
  value >= 100 ? Math.round(value) : Number(value.toPrecision(2));

const rate = (value) => `${round(value)}/s`;

const UNITS = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1000, "s"],
  [1, "ms"],
];

function time(ms) {
  const [size, unit] = UNITS.find(([size]) => ms >= size) ?? [1, "ms"];
  return `${round(ms / size)} ${unit}`;
}

const SIZES = [
  [1024 ** 3, "GiB"],
  [1024 ** 2, "MiB"],
  [1024, "KiB"],
  [1, "bytes"],
];

function bytes(count) {
  const [size, unit] = SIZES.find(([size]) => count >= size) ?? [1, "bytes"];
  return `${round(count / size)} ${unit}`;
}

/** `ok 12, abort 1`: what there is. */
const counts = (of) =>
  Object.entries(of)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${name} ${count}`)
    .join(", ");

// What the last pictures say together.

const history = [];

/** The last picture that is at least so old, or else the first. */
const before = (ms) =>
  history.findLast(({ at }) => at <= history.at(-1).at - ms) ?? history[0];

/** How much something has grown in a second, of late. */
function growth(of, ms) {
  const [then, now] = [before(ms), history.at(-1)];
  const seconds = (now.at - then.at) / 1000;
  return seconds === 0 ? 0 : Math.max(0, of(now) - of(then)) / seconds;
}

const mountIn = ({ status }, name) =>
  status.mounts.find(({ mount }) => mount === name);

/** Milliseconds within which such a part of the requests of these mounts were, of late. Undefined: there were none. */
function quantile(names, part) {
  const [then, now] = [before(RECENT_MS), history.at(-1)];
  const all = new Map();
  const add = (picture, factor) => {
    for (const name of names)
      for (const [upper, n] of mountIn(picture, name)?.buckets ?? [])
        all.set(upper, (all.get(upper) ?? 0) + n * factor);
  };
  add(now, 1);
  if (then !== now) add(then, -1);
  const sorted = [...all].sort(([a], [b]) => a - b);
  let left = sorted.reduce((sum, [, n]) => sum + n, 0) * part;
  if (left <= 0) return undefined;
  return sorted.find(([, n]) => (left -= n) <= 0)?.[0];
}

const latency = (names, part) => {
  const ms = quantile(names, part);
  return ms === undefined ? "–" : time(ms);
};

// Charts.

const sum = (items, of) => items.reduce((all, item) => all + of(item), 0);

const bad = ({ status: { outcomes } }) =>
  outcomes.error + outcomes.timeout + outcomes.shed;

/** What is drawn: how to read it off the history, and how it is shown. */
const CHARTS = [
  ["requests", () => growth(({ status }) => status.requests, 2000), rate],
  [
    "95th percentile, last minute",
    () =>
      quantile(
        history.at(-1).status.mounts.map(({ mount }) => mount),
        0.95,
      ) ?? 0,
    time,
  ],
  [
    "requests that run",
    () => sum(history.at(-1).status.workers, ({ inFlight }) => inFlight),
    String,
  ],
  [
    "longest loop delay",
    () =>
      Math.max(
        0,
        ...history
          .at(-1)
          .status.workers.map(({ loopDelayMs }) => loopDelayMs.max),
      ),
    time,
  ],
  ["errors, timeouts, refusals", () => growth(bad, 2000), rate],
].map(([name, read, show]) => ({ name, read, show, points: [] }));

const SVG = "http://www.w3.org/2000/svg";
const POINTS = HISTORY_MS / 1000;

function drawChart(item, { name, read, show, points }) {
  const value = read();
  points.push(value);
  if (points.length > POINTS) points.shift();
  const top = Math.max(...points, Number.MIN_VALUE);
  const line = points.map((y, i) => {
    const x = POINTS - points.length + i;
    return `${x},${30 - (28 * y) / top}`;
  });
  write(item.querySelector("span"), name);
  write(item.querySelector("b"), show(value));
  item.querySelector("polyline").setAttribute("points", line.join(" "));
}

function makeChart() {
  const item = element("li");
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${POINTS - 1} 31`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS(SVG, "polyline"));
  item.append(element("span"), element("b"), svg);
  return item;
}

// Tasks.

const subscribed = (topics = []) =>
  topics.length > 0 ? `subscribed to ${topics.join(", ")}` : "";

const waiting = (waitsFor) => (waitsFor ? `waits for ${waitsFor}` : "");

function drawTask(item, { task, pid, orders }) {
  const { id, name, query, client, topics, ageMs, waitsFor, children } = task;
  const [line, tree] = item.children;
  const texts = [
    query ? `${name}?${query}` : name,
    waiting(waitsFor),
    subscribed(topics),
    `for ${time(ageMs)}`,
    client && `from ${client}`,
    `worker ${pid}`,
    `id ${id}`,
  ];
  texts.forEach((text, i) => write(line.children[i], text ?? ""));
  line.querySelector("button").hidden = !orders;
  drawTree(tree, children);
}

function makeTask({ task }) {
  const item = element("li");
  const line = element("div", "task");
  const button = element("button", "", "Halt");
  button.type = "button";
  button.setAttribute("aria-label", `Halt ${task.name}, ${task.id}`);
  button.addEventListener("click", () => ask(task));
  line.append(element("code"));
  for (let i = 0; i < 6; i++) line.append(element("span"));
  line.append(button);
  item.append(line, element("ul", "tree"));
  return item;
}

function drawTree(list, tasks) {
  list.hidden = tasks.length === 0;
  const make = () => {
    const item = element("li");
    item.append(element("span"), element("ul", "tree"));
    return item;
  };
  const numbered = tasks.map((task, i) => ({ task, i }));
  keep(
    list,
    numbered,
    ({ i }) => i,
    make,
    (item, { task: { name, waitsFor, ageMs, children } }) => {
      const age = ageMs > 0 ? `for ${time(ageMs)}` : "";
      const texts = [name, waiting(waitsFor), age].filter(Boolean);
      write(item.firstChild, texts.join(", "));
      drawTree(item.lastChild, children);
    },
  );
}

let asked;

function ask(task) {
  asked = task;
  write(byId("ask-text"), `${task.name}, ${task.id}`);
  byId("ask").showModal();
}

byId("ask-no").addEventListener("click", () => byId("ask").close());
byId("ask-yes").addEventListener("click", async () => {
  byId("ask").close();
  const { id, name } = asked;
  write(byId("report"), `halting ${name}, ${id} …`);
  try {
    const where = `tasks/${encodeURIComponent(id)}/halt`;
    const response = await fetch(where, { method: "POST" });
    write(byId("report"), await outcome(response, `${name}, ${id}`));
  } catch (error) {
    write(byId("report"), `${name}, ${id} may still run: ${error.message}`);
  }
});

async function outcome(response, what) {
  if (response.status === 404) return `${what} had ended by itself`;
  if (response.status === 504)
    return `${what} may still run: worker ${(await response.json()).silent.join(", ")} does not answer, and halts it as soon as it can`;
  if (!response.ok) return `${what} still runs: ${await response.text()}`;
  return `${what} is halted`;
}

// Tables.

/** `columns`: names, and what stands below them; the first names the row. */
function drawTable(table, columns, rows, keyOf) {
  if (table.tHead === null) {
    const head = table.createTHead().insertRow();
    for (const [name] of columns) {
      const cell = element("th", "", name);
      cell.scope = "col";
      head.append(cell);
    }
    table.createTBody();
  }
  const make = () => {
    const row = element("tr");
    columns.forEach(([name], i) => {
      const cell = element(i === 0 ? "th" : "td");
      if (i === 0) cell.scope = "row";
      cell.dataset.column = name;
      row.append(cell);
    });
    return row;
  };
  keep(table.tBodies[0], rows, keyOf, make, (row, item) =>
    columns.forEach(([, text], i) =>
      write(row.children[i], String(text(item) ?? "")),
    ),
  );
}

const MOUNTS = [
  ["mount", ({ mount }) => mount],
  [
    "rate",
    ({ mount }) =>
      rate(growth((it) => mountIn(it, mount)?.requests ?? 0, RECENT_MS)),
  ],
  ["p50", ({ mount }) => latency([mount], 0.5)],
  ["p95", ({ mount }) => latency([mount], 0.95)],
  ["p99", ({ mount }) => latency([mount], 0.99)],
  [
    "slowest",
    ({ slowest }) => slowest && `${time(slowest.durationMs)}, id ${slowest.id}`,
  ],
  ["requests", ({ requests }) => requests],
  ["outcomes", ({ outcomes }) => counts(outcomes)],
  ["statuses", ({ statuses }) => counts(statuses)],
];

/** Of messages: how many a second of late, how many there were, and how long. */
const traffic =
  (count, length) =>
  ({ mount, sockets }) => {
    const upTo = (picture) => mountIn(picture, mount)?.sockets?.[count] ?? 0;
    const ofLate = rate(growth(upTo, RECENT_MS));
    return `${ofLate}, ${sockets[count]}, ${bytes(sockets[length])}`;
  };

const SOCKETS = [
  ["mount", ({ mount }) => mount],
  ["open", ({ sockets }) => sockets.open],
  ["opened", ({ sockets }) => sockets.opened],
  ["subscriptions", ({ sockets }) => sockets.subscriptions],
  ["received", traffic("received", "receivedBytes")],
  ["sent", traffic("sent", "sentBytes")],
  ["dropped", ({ sockets }) => sockets.dropped],
  ["closed as too slow", ({ sockets }) => sockets.closedAsSlow],
];

const outOf = (value, limit) =>
  limit == null ? value : `${value} of ${limit}`;

const WORKERS = [
  ["worker", ({ pid }) => pid],
  ["state", ({ state }) => state],
  ["uptime", ({ uptimeMs }) => time(uptimeMs)],
  ["last report", ({ lastReportMs }) => `${time(lastReportMs)} ago`],
  ["runs", ({ inFlight }) => inFlight],
  [
    "loop delay",
    ({ loopDelayMs: { mean, max } }) => `${time(mean)}, at most ${time(max)}`,
  ],
  [
    "memory",
    ({ rss, maxRss }) =>
      outOf(bytes(rss), maxRss == null ? null : bytes(maxRss)),
  ],
  [
    "open files",
    ({ openFiles }) => openFiles && outOf(openFiles.open, openFiles.limit),
  ],
  ["log lines lost", ({ linesLost }) => linesLost],
];

const PARTS = [
  ["part", ({ part }) => part.name],
  ["application", ({ kind, name }) => `${kind} ${name}`],
  ["worker", ({ pid }) => pid],
  ["state", ({ part }) => part.state],
  ["why", ({ part }) => part.why],
  ["runs", ({ part }) => part.inFlight],
  ["wait for one", ({ queued }) => queued],
  ["restarts", ({ restarts }) => restarts],
  ["memory", ({ part }) => part.rss && bytes(part.rss)],
];

const COUNTS = [
  ["open connections", ({ connections }) => connections.open],
  ["refused", ({ connections }) => connections.refused],
  ["without a request", ({ connections }) => connections.unserved],
  ["open WebSockets", ({ sockets }) => sockets.open],
  ["subscriptions to topics", ({ sockets }) => sockets.subscriptions],
  ["messages received", ({ sockets }) => sockets.received],
  ["bytes received", ({ sockets }) => bytes(sockets.receivedBytes)],
  ["messages sent", ({ sockets }) => sockets.sent],
  ["bytes sent", ({ sockets }) => bytes(sockets.sentBytes)],
  ["messages dropped", ({ sockets }) => sockets.dropped],
  ["closed as too slow", ({ sockets }) => sockets.closedAsSlow],
  ["lost between processes", ({ sockets }) => sockets.lost],
];

function draw({ status, tasks, orders }) {
  const { versions, pid, uptimeMs, restarts, lastCrash, workers } = status;
  const texts = [
    `version ${versions.eddy}`,
    `Node.js ${versions.node}`,
    `pid ${pid}`,
    `up ${time(uptimeMs)}`,
    `${status.requests} requests`,
    restarts === undefined ? "" : `${restarts} restarts`,
  ];
  write(byId("about"), texts.filter(Boolean).join(" · "));
  keep(byId("charts"), CHARTS, ({ name }) => name, makeChart, drawChart);
  drawTasks(tasks, workers, orders);
  drawTable(byId("mounts"), MOUNTS, status.mounts, ({ mount }) => mount);
  const withSockets = status.mounts.filter(
    ({ sockets }) => sockets?.opened > 0,
  );
  byId("sockets-section").hidden = withSockets.length === 0;
  drawTable(byId("sockets"), SOCKETS, withSockets, ({ mount }) => mount);
  drawTable(byId("workers"), WORKERS, workers, ({ pid }) => pid);
  const crash =
    lastCrash &&
    `${lastCrash.pid === undefined ? "A worker" : `Worker ${lastCrash.pid}`} has ended at ` +
      `${new Date(lastCrash.at).toLocaleTimeString()}: ${lastCrash.reason.split("\n")[0]}` +
      (lastCrash.requests.length > 0
        ? `, at ${lastCrash.requests.join(", ")}`
        : "");
  write(byId("crash"), crash ?? "");
  const parts = workers.flatMap(({ pid, applications }) =>
    applications.flatMap(({ parts, ...its }) =>
      parts.map((part) => ({ pid, ...its, part })),
    ),
  );
  byId("parts-section").hidden = parts.length === 0;
  const keyOfPart = (it) => `${it.pid} ${it.kind} ${it.name} ${it.part.name}`;
  drawTable(byId("parts"), PARTS, parts, keyOfPart);
  keep(
    byId("connections"),
    COUNTS,
    ([name]) => name,
    () => {
      const item = element("div");
      item.append(element("dt"), element("dd"));
      return item;
    },
    (item, [name, of]) => {
      write(item.firstChild, name);
      write(item.lastChild, String(of(status)));
    },
  );
}

/** The oldest of all workers; a worker that is stuck is shown by what it was at. */
function drawTasks(tasks, workers, orders) {
  const all = tasks.flatMap(({ pid, answers, exchanges, sockets }) => {
    if (answers !== false)
      return [...exchanges, ...sockets].map((task) => ({ task, pid, orders }));
    const { suspects, lastReportMs } =
      workers.find((worker) => worker.pid === pid) ?? {};
    return [stuck(pid, suspects ?? [], lastReportMs ?? 0)];
  });
  const oldest = all.sort((a, b) => b.task.ageMs - a.task.ageMs).slice(0, 10);
  byId("no-tasks").hidden = oldest.length > 0;
  const keyOf = ({ pid, task: { id, name } }) => `${pid} ${id} ${name}`;
  keep(byId("tasks"), oldest, keyOf, makeTask, drawTask);
}

function stuck(pid, suspects, ageMs) {
  const children = suspects.map((name) => ({ name, ageMs: 0, children: [] }));
  const name = `worker ${pid} does not answer; it was at:`;
  return { pid, orders: false, task: { id: "–", name, ageMs, children } };
}

const events = new EventSource("events");
events.addEventListener("message", ({ data }) => {
  const picture = { at: performance.now(), ...JSON.parse(data) };
  history.push(picture);
  while (history[0].at < picture.at - HISTORY_MS) history.shift();
  write(byId("connection"), picture.orders ? "live" : "live, read-only");
  byId("connection").className = "";
  draw(picture);
});
events.addEventListener("error", () => {
  write(byId("connection"), "no connection; what is shown is not of now");
  byId("connection").className = "bad";
});

export {}; // a module, whose names are its own
