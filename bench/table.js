/** Measured rows as a Markdown table whose columns line up in plain text too. */
const COLUMNS = [
  ["server", (row) => row.name],
  ["req/s", (row) => Math.round(row.perSecond).toLocaleString("en-US")],
  ["p50 ms", (row) => row.p50.toFixed(2)],
  ["p99 ms", (row) => row.p99.toFixed(2)],
  ["CPU µs/req", (row) => row.cpu.toFixed(2)],
  ["× baseline", (row) => row.ratio.toFixed(2)],
];

export function table(rows) {
  const cells = [
    COLUMNS.map(([title]) => title),
    ...rows.map((row) => COLUMNS.map(([, text]) => text(row))),
  ];
  const widths = COLUMNS.map((_, column) =>
    Math.max(...cells.map((line) => line[column].length)),
  );
  // Names to the left, numbers to the right.
  const padded = cells.map((line) =>
    line.map((text, i) =>
      i === 0 ? text.padEnd(widths[i]) : text.padStart(widths[i]),
    ),
  );
  const rule = widths.map((width, i) =>
    i === 0 ? "-".repeat(width) : "-".repeat(width - 1) + ":",
  );
  return [padded[0], rule, ...padded.slice(1)]
    .map((line) => `| ${line.join(" | ")} |`)
    .join("\n");
}
