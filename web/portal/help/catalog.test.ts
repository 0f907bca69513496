import { expect, test } from "vitest";
import { freeSlug } from "./catalog";

test("a category's address is its name, in any script, and no two have the same", () => {
  const taken = new Set<string>();
  expect(freeSlug("Orders & delivery", "1", taken)).toBe("orders-delivery");
  expect(freeSlug("الطلبات والتوصيل", "2", taken)).toBe("الطلبات-والتوصيل");
  expect(freeSlug("Orders / Delivery", "01a-abcdef", taken)).toBe("orders-delivery-abcdef");
  expect(freeSlug("???", "id-of-it", taken)).toBe("id-of-it");
});
