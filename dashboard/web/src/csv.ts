// Rows as a file that spreadsheets open.

/**
 * A field as RFC 4180 has it. A text that a spreadsheet would take for a formula
 * is preceded by an apostrophe: names come from anybody.
 */
function field(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  let text = typeof value === "string" ? value : JSON.stringify(value);
  if (/^[=+\-@\t\r]/.test(text)) text = `'${text}`;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export const toCSV = (rows: unknown[][]): string => rows.map((row) => `${row.map(field).join(",")}\r\n`).join("");
