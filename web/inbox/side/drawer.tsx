/** Where the panel beside a ticket is: a column where there is room, else a drawer over the thread, opened by a button
 *  of the ticket's bar. */
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";

type Given = { isOpen: boolean; setOpen: (open: boolean) => void };
const Context = createContext<Given>({ isOpen: false, setOpen: () => {} });

export function SideDrawerProvider({ children }: { children: ReactNode }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <Context.Provider value={useMemo(() => ({ isOpen, setOpen }), [isOpen])}>{children}</Context.Provider>
  );
}

export const useSideDrawer = () => useContext(Context);

/** The same width as in tickets/page.module.css, where the column has no room. */
const WIDE = "(min-width: 80rem)";

export function useIsWide(): boolean {
  const [isWide, setWide] = useState(() => matchMedia(WIDE).matches);
  useEffect(() => {
    const query = matchMedia(WIDE);
    const hear = () => setWide(query.matches);
    query.addEventListener("change", hear);
    return () => query.removeEventListener("change", hear);
  }, []);
  return isWide;
}
