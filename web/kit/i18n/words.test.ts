import { expect, test } from "vitest";
import { defineWords, translate } from ".";

const words = defineWords({
  en: { waiting: { one: "{count} ticket waits", other: "{count} tickets wait" }, hello: "Hello {name}" },
  ar: {
    waiting: {
      zero: "لا تذاكر",
      one: "تذكرة واحدة",
      two: "تذكرتان",
      few: "{count} تذاكر",
      other: "{count} تذكرة",
    },
    hello: "مرحبًا {name}",
  },
});

test("the plural is the language's own", () => {
  expect(translate(words, "en", "waiting", { count: 1 })).toBe("1 ticket waits");
  expect(translate(words, "en", "waiting", { count: 1200 })).toBe("1,200 tickets wait");
  expect(translate(words, "ar", "waiting", { count: 2 })).toBe("تذكرتان");
});

test("what somebody is called stays as it is, whatever it holds", () => {
  expect(translate(words, "en", "hello", { name: "{count} <b>$&" })).toBe("Hello {count} <b>$&");
});
