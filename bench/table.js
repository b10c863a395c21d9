/** Markdown tables whose columns line up in plain text too. */
const COLUMNS = [
  ["server", (row) => row.name],
  ["req/s", (row) => Math.round(row.perSecond).toLocaleString("en-US")],
  ["p50 ms", (row) => row.p50.toFixed(2)],
  ["p99 ms", (row) => row.p99.toFixed(2)],
  ["CPU µs/req", (row) => row.cpu.toFixed(2)],
  ["× baseline", (row) => row.ratio.toFixed(2)],
];

export function table(rows) {
  return aligned(
    COLUMNS.map(([title]) => title),
    rows.map((row) => COLUMNS.map(([, text]) => text(row))),
  );
}

/** Of columns and rows as they are given. */
export function titledTable(title, columns, rows) {
  return `### ${title}\n\n${aligned(columns, rows)}`;
}

/** Names to the left, numbers to the right. */
export function aligned(columns, rows) {
  const cells = [columns, ...rows.map((row) => row.map(String))];
  const widths = cells[0].map((_, column) =>
    Math.max(3, ...cells.map((line) => line[column].length)),
  );
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
