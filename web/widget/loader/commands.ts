/**
 * `window.pgdesk(command, …)`: how a page's own scripts speak to the widget. What was called before it was loaded is in
 * `pgdesk.q`, where the page has defined a stub that keeps it.
 */

type Command = "open" | "close" | "identify" | "forget" | "on";
type Handlers = Record<Command, (...values: unknown[]) => void>;
type Global = { (...call: unknown[]): void; q?: ArrayLike<unknown>[] };

export function commands(handlers: Handlers): void {
  const run: Global = (command, ...values) => {
    if (typeof command === "string" && Object.hasOwn(handlers, command))
      handlers[command as Command](...values);
    else throw new Error(`pgdesk: there is no command ${String(command)}`);
  };
  const page = globalThis as unknown as { pgdesk?: Global };
  const waiting = page.pgdesk?.q ?? [];
  page.pgdesk = run;
  for (const call of waiting) run(...Array.from(call));
}

const heard = new Map<string, ((detail: unknown) => void)[]>();

export const listeners = {
  add: (name: string, hear: unknown): void => {
    if (typeof hear === "function")
      heard.set(name, [...(heard.get(name) ?? []), hear as (detail: unknown) => void]);
  },
  /** What a page's function throws is the page's: it is reported as if it had thrown by itself. */
  tell: (name: string, detail: unknown): void => {
    for (const hear of heard.get(name) ?? []) {
      try {
        hear(detail);
      } catch (error) {
        reportError(error);
      }
    }
  },
};
