/** Tables as files that spreadsheets open. */
export type Column<T> = { name: string; value: (row: T) => string | number | null };

/** RFC 4180. A cell that a spreadsheet would take for a formula begins with an apostrophe: names come from outside. */
export function toCsv<T>(rows: T[], columns: Column<T>[]): string {
  const lines = [
    columns.map((column) => cell(column.name)),
    ...rows.map((row) => columns.map((column) => cell(column.value(row)))),
  ];
  return lines.map((line) => `${line.join(",")}\r\n`).join("");
}

function cell(value: string | number | null): string {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  const harmless = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

export function download(name: string, text: string): void {
  const link = document.createElement("a");
  // The mark at the beginning tells spreadsheets that it is UTF-8.
  link.href = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
