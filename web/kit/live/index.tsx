import { useClient } from "@kit/api/client";
import { createContext, type ReactNode, useContext, useEffect, useMemo, useRef, useState } from "react";
import { type DeskEvent, follow, type LiveState } from "./follow";

export type { DeskEvent, LiveState } from "./follow";

type Heard = (event: DeskEvent) => void;
type Given = { state: LiveState; listen: (heard: Heard) => () => void };
const Context = createContext<Given>({ state: "connecting", listen: () => () => {} });

/** Follows an organization's events for everything below it. `onReload`: what is known is too old, read all anew. */
export function LiveProvider({
  organizationId,
  onEvent,
  onReload,
  children,
}: {
  organizationId: string;
  onEvent: Heard;
  onReload: () => void;
  children: ReactNode;
}) {
  const client = useClient();
  const [state, setState] = useState<LiveState>("connecting");
  const listeners = useRef(new Set<Heard>());
  const given = useRef({ onEvent, onReload });
  given.current = { onEvent, onReload };
  useEffect(
    () =>
      follow(client, organizationId, {
        event: (event) => {
          given.current.onEvent(event);
          for (const heard of listeners.current) heard(event);
        },
        reload: () => given.current.onReload(),
        state: setState,
      }),
    [client, organizationId],
  );
  const value = useMemo(
    () => ({
      state,
      listen: (heard: Heard) => {
        listeners.current.add(heard);
        return () => void listeners.current.delete(heard);
      },
    }),
    [state],
  );
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export const useLiveState = (): LiveState => useContext(Context).state;

/** Calls `heard` for every event while the component is shown. */
export function useEvents(heard: Heard): void {
  const { listen } = useContext(Context);
  const latest = useRef(heard);
  latest.current = heard;
  useEffect(() => listen((event) => latest.current(event)), [listen]);
}
