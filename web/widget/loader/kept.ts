/**
 * What the widget remembers in the site's own storage, for all its pages and tabs.
 *
 * One drawer per visitor: the anonymous one, and one for each person whom the site has vouched for in this browser.
 * Where a browser allows no storage, what is kept lasts as long as the page.
 */

export type Kept = {
  get: (name: Name) => string | null;
  set: (name: Name, value: string | null) => void;
  /** Another tab has kept something. */
  onChange: (hear: () => void) => void;
  /** From now on the drawer of this person; null: the anonymous one. */
  use: (who: string | null) => void;
  forget: () => void;
};

/**
 * - `secret` makes an anonymous visitor the same one again
 * - `talks`: there is a conversation; without one nothing is asked of the desk until the widget is opened
 * - `seen`: the newest message that the visitor has seen
 * - `address`: they have said where answers reach them
 */
const NAMES = ["secret", "talks", "seen", "address"] as const;
type Name = (typeof NAMES)[number];

export function keep(widget: string): Kept {
  const memory = new Map<string, string>();
  let drawer = "";
  const path = (name: Name) => `pgdesk.${widget}.${drawer}${name}`;
  const hearers: (() => void)[] = [];
  addEventListener("storage", (event) => {
    if (event.key === null || event.key.startsWith(`pgdesk.${widget}.`)) for (const hear of hearers) hear();
  });

  const get = (name: Name) => {
    try {
      return localStorage.getItem(path(name));
    } catch {
      return memory.get(path(name)) ?? null;
    }
  };
  const set = (name: Name, value: string | null) => {
    try {
      if (value === null) localStorage.removeItem(path(name));
      else localStorage.setItem(path(name), value);
    } catch {
      if (value === null) memory.delete(path(name));
      else memory.set(path(name), value);
    }
  };
  return {
    get,
    set,
    onChange: (hear) => hearers.push(hear),
    use: (who) => {
      drawer = who ? `${who}.` : "";
    },
    forget: () => {
      for (const name of NAMES) set(name, null);
    },
  };
}
