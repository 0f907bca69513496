/** Everything that can be done by keyboard. A component offers what it can while it is shown; the command bar lists it all. */
import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";

export type Command = {
  id: string;
  label: string;
  /** "r", "Shift+e", "g i" (one after the other), "Mod+Enter" (Ctrl, or ⌘ on a Mac). */
  keys?: string;
  /** Heading in the command bar. */
  group?: string;
  /** Wins over others with the same keys: it is about what somebody has just selected. */
  first?: boolean;
  /** Another key for what the command bar lists already. */
  hidden?: boolean;
  run: () => void;
};

type Inner = {
  offer: (commands: () => Command[]) => () => void;
  all: () => Command[];
  isOpen: boolean;
  setOpen: (open: boolean) => void;
};
const Context = createContext<Inner | null>(null);
/** The second key of two comes within this time. */
const SEQUENCE_MS = 900;

export function CommandProvider({ children }: { children: ReactNode }) {
  const offered = useRef(new Set<() => Command[]>());
  const [isOpen, setOpen] = useState(false);
  const all = useCallback(() => [...offered.current].flatMap((commands) => commands()), []);
  const offer = useCallback((commands: () => Command[]) => {
    offered.current.add(commands);
    return () => void offered.current.delete(commands);
  }, []);
  useEffect(() => {
    let before = "";
    let at = 0;
    const press = (event: KeyboardEvent) => {
      const pressed = nameOf(event);
      if (!pressed || event.defaultPrevented) return;
      if (pressed === "Mod+k") {
        event.preventDefault();
        setOpen(true);
        return;
      }
      // While somebody writes, only what has Ctrl or ⌘ is a command; in a window, nothing is.
      if (document.querySelector("dialog[open]") || (isWriting(event.target) && !pressed.startsWith("Mod+")))
        return;
      const sequence = performance.now() - at < SEQUENCE_MS ? `${before} ${pressed}` : "";
      // The innermost offer wins: it came last.
      const commands = all().reverse();
      const named = (keys: string) => {
        const called = commands.filter((each) => each.keys === keys);
        return called.find((each) => each.first) ?? called[0];
      };
      const found = (sequence ? named(sequence) : undefined) ?? named(pressed);
      before = pressed;
      at = performance.now();
      if (!found) return;
      event.preventDefault();
      before = "";
      found.run();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [all]);
  const value = useMemo(() => ({ offer, all, isOpen, setOpen }), [offer, all, isOpen]);
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

function useRegistry(): Inner {
  const found = useContext(Context);
  if (!found) throw new Error("no CommandProvider above this component");
  return found;
}

/** Offers these commands while the component is shown. */
export function useCommands(commands: Command[]): void {
  const { offer } = useRegistry();
  const latest = useRef(commands);
  latest.current = commands;
  useEffect(() => offer(() => latest.current), [offer]);
}

/** Opens the command bar. */
export function useCommandBar(): () => void {
  const { setOpen } = useRegistry();
  return useCallback(() => setOpen(true), [setOpen]);
}

export const useCommandBarState = useRegistry;

function nameOf(event: KeyboardEvent): string {
  if (["Control", "Shift", "Alt", "Meta", "Dead"].includes(event.key)) return "";
  const parts = [
    (event.ctrlKey || event.metaKey) && "Mod",
    event.altKey && "Alt",
    event.shiftKey && event.key.length > 1 && "Shift",
  ];
  const letter =
    event.key.length === 1 && event.shiftKey && /[a-z]/i.test(event.key)
      ? `Shift+${event.key.toLowerCase()}`
      : event.key;
  return [...parts, letter].filter(Boolean).join("+");
}

const isWriting = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable ||
    /^(TEXTAREA|SELECT)$/.test(target.tagName) ||
    (target instanceof HTMLInputElement && !/^(checkbox|radio|button|submit|reset)$/.test(target.type)));
