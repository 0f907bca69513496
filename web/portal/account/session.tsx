/** Who reads: somebody who is signed in, or anybody. Most of the portal is for both. */
import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import type { Session } from "@supabase/supabase-js";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useMemo, useRef, useState } from "react";
import { useCentre } from "../shell/centre";
import type { Arrival } from "./arrival";

type Known = { user: { id: string; email: string } | null; arrival: Arrival };
const Given = createContext<Known>({ user: null, arrival: null });

export function SessionProvider({ arrival, children }: { arrival: Arrival; children: ReactNode }) {
  const client = useClient();
  const queries = useQueryClient();
  const [session, setSession] = useState<Session | null | undefined>(undefined);
  const before = useRef<string | undefined>(undefined);
  useEffect(() => {
    const { data } = client.auth.onAuthStateChange((_event, next) => {
      // What one user has read is none of the next one's business.
      if (before.current && before.current !== next?.user.id) queries.clear();
      before.current = next?.user.id;
      setSession((old) => (old && next && old.user.id === next.user.id ? old : next));
    });
    return () => data.subscription.unsubscribe();
  }, [client, queries]);
  const value = useMemo<Known>(
    () => ({
      user: session ? { id: session.user.id, email: session.user.email ?? "" } : null,
      arrival,
    }),
    [session, arrival],
  );
  if (session === undefined) return null;
  return <Given.Provider value={value}>{children}</Given.Provider>;
}

export const useSession = (): Known => useContext(Given);

/** The signed-in reader as a contact of this desk, made one if need be. */
export function useContact() {
  const client = useClient();
  const { id: organizationId } = useCentre();
  const { user } = useSession();
  return useQuery({
    queryKey: ["contact", organizationId, user?.id],
    enabled: user !== null,
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: () => ok(client.rpc("become_contact", { organization_id: organizationId })),
  });
}
