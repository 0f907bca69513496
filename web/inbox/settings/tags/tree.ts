/** Tags as they stand below each other. */
export type Tag = {
  id: string;
  name: string;
  color: string;
  parent_id: string | null;
  removed_at: string | null;
};
export type Placed<T> = { tag: T; depth: number };

/** All in reading order, each with how deep it stands; by name among those of one parent. */
export function treeOf<T extends Tag>(tags: readonly T[]): Placed<T>[] {
  const kept = tags.filter((tag) => !tag.removed_at);
  const known = new Set(kept.map((tag) => tag.id));
  const below = (parent: string | null): T[] =>
    kept
      // One whose parent is going stands at the top meanwhile.
      .filter((tag) => (tag.parent_id && known.has(tag.parent_id) ? tag.parent_id : null) === parent)
      .sort((one, other) => one.name.localeCompare(other.name));
  const walk = (parent: string | null, depth: number): Placed<T>[] =>
    below(parent).flatMap((tag) => [{ tag, depth }, ...walk(tag.id, depth + 1)]);
  return walk(null, 0);
}

/** Where a tag can be put: not below itself. */
export function placesFor<T extends Tag>(tags: readonly T[], id: string | undefined): Placed<T>[] {
  const all = treeOf(tags);
  const at = all.findIndex(({ tag }) => tag.id === id);
  if (at < 0) return all;
  const { depth } = all[at] as Placed<T>;
  const next = all.findIndex((place, index) => index > at && place.depth <= depth);
  return [...all.slice(0, at), ...(next < 0 ? [] : all.slice(next))];
}
