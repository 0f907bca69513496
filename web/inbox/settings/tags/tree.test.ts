import { expect, test } from "vitest";
import { placesFor, treeOf } from "./tree";

const tag = (id: string, parent_id: string | null = null) => ({
  id,
  name: id,
  color: "#000000",
  parent_id,
  removed_at: null,
});
const tags = [tag("c"), tag("b", "a"), tag("a"), tag("d", "b"), tag("e", "a")];
const shown = (places: { tag: { id: string }; depth: number }[]) =>
  places.map((place) => `${place.depth}${place.tag.id}`).join(" ");

test("a tree is read from the top, by name", () => {
  expect(shown(treeOf(tags))).toBe("0a 1b 2d 1e 0c");
});

test("a tag is not put below itself or what stands below it", () => {
  expect(shown(placesFor(tags, "b"))).toBe("0a 1e 0c");
  expect(shown(placesFor(tags, undefined))).toBe("0a 1b 2d 1e 0c");
});
