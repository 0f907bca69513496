/** Files that go with messages: how many, how large, and what they are called. docs/files.md */

export const MOST_FILES = 20;
export const MOST_BYTES = 50 * 1024 * 1024;

/** What Storage takes in a name; the rest of it would be refused. */
export const storedName = (name: string): string =>
  name
    .normalize("NFKD")
    .replace(/[^\w!.*'() &$@=;:+,?-]+/g, "_")
    .replace(/^[_.\s]+/, "")
    .slice(-120) || "file";

/** "1.2 MB", as the language writes it. */
export function sizeOf(bytes: number, language: string): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"];
  const step = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  return new Intl.NumberFormat(language, {
    style: "unit",
    unit: units[step] ?? "byte",
    unitDisplay: step === 0 ? "long" : "short",
    maximumFractionDigits: step > 1 ? 1 : 0,
  }).format(bytes / 1000 ** step);
}
