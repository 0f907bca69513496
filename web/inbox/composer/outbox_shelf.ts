/** Where a page keeps what it has to send: a place in localStorage of its own, which another takes over once it is gone. */
import type { Outgoing } from "./outbox";

const PREFIX = "pgdesk.outbox.";
export type Shelf = { name: string; write: (entries: readonly Outgoing[]) => void };

export function keep(): Shelf {
  const name = PREFIX + crypto.randomUUID();
  // Held as long as the page lives: the browser lets it go, whatever the page dies of.
  void navigator.locks?.request(name, () => new Promise(() => {}));
  return {
    name,
    write: (entries) => {
      try {
        if (entries.length) localStorage.setItem(name, JSON.stringify(entries));
        else localStorage.removeItem(name);
      } catch {
        // No room: the page's memory has it still.
      }
    },
  };
}

/** Gives what pages that are gone have left, each to one page only. */
export async function adoptLeftBehind(own: Shelf, adopt: (found: Outgoing[]) => void): Promise<void> {
  const names = Object.keys(localStorage).filter((name) => name.startsWith(PREFIX) && name !== own.name);
  for (const name of names) {
    const take = () => {
      const found = read(name);
      if (found.length) adopt(found);
      localStorage.removeItem(name);
    };
    if (!navigator.locks) take();
    else
      await navigator.locks.request(name, { ifAvailable: true }, (lock) => {
        if (lock) take();
      });
  }
}

function read(name: string): Outgoing[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(name) ?? "[]");
    return Array.isArray(found) ? found : [];
  } catch {
    return [];
  }
}
