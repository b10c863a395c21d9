/** A value as one line of a trace. */
export function show(value: unknown): string {
  if (value instanceof Error) return `${value.name}(${value.message})`;
  if (typeof value === "string") return value;
  if (typeof value === "function") return "function";
  if (Array.isArray(value)) return `[${value.map(show).join(", ")}]`;
  if (typeof value !== "object" || value === null) return String(value);
  const fields = Object.entries(value).map(
    ([key, field]) => `${key}: ${show(field)}`,
  );
  return `{${fields.join(", ")}}`;
}
