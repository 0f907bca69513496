import { expect, test } from "vitest";
import { toCsv } from "./csv";

test("quotes, commas and lines are kept, and nothing becomes a formula", () => {
  const rows = [
    { name: '=HYPERLINK("http://x")', count: 3 },
    { name: 'Ann, "the" agent', count: null },
  ];
  const columns = [
    { name: "Name", value: (row: (typeof rows)[number]) => row.name },
    { name: "Count", value: (row: (typeof rows)[number]) => row.count },
  ];
  expect(toCsv(rows, columns)).toBe(
    'Name,Count\r\n"\'=HYPERLINK(""http://x"")",3\r\n"Ann, ""the"" agent",\r\n',
  );
});
