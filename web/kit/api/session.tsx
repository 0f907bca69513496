/** Who is signed in. */
import type { Session } from "@supabase/supabase-js";
import { createContext, type ReactNode, useContext, useEffect, useState } from "react";
import { useClient } from "./client";

const Given = createContext<Session | null>(null);

/** Shows `signedOut` to whoever is not signed in, and `children` to whoever is; nothing while that is not known. */
export function SessionGate({ signedOut, children }: { signedOut: ReactNode; children: ReactNode }) {
  const client = useClient();
  const [session, setSession] = useState<Session | null | undefined>(undefined);
  useEffect(() => {
    const { data } = client.auth.onAuthStateChange((_event, next) => {
      // The same user with a fresh token is the same session to everything below.
      setSession((old) => (old && next && old.user.id === next.user.id ? old : next));
    });
    return () => data.subscription.unsubscribe();
  }, [client]);
  if (session === undefined) return null;
  if (session === null) return signedOut;
  return <Given.Provider value={session}>{children}</Given.Provider>;
}

/** The signed-in user's id and address. */
export function useUser(): { id: string; email: string } {
  const session = useContext(Given);
  if (!session) throw new Error("no SessionGate above this component");
  return { id: session.user.id, email: session.user.email ?? "" };
}
