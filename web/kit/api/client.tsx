/** The one Supabase client of a page, given to its components. */
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { createContext, type ReactNode, useContext } from "react";
import type { Config } from "./config";
import type { Database } from "./database";

export type Client = SupabaseClient<Database>;
export type Tables = Database["public"]["Tables"];
export type Row<T extends keyof Tables> = Tables[T]["Row"];
export type Functions = Database["public"]["Functions"];

export function connect(config: Config): Client {
  return createClient<Database>(config.url, config.key, {
    // A magic link brings a code that only this browser can change for a session: no token is ever in a URL.
    auth: { flowType: "pkce", persistSession: true, autoRefreshToken: true, detectSessionInUrl: true },
    realtime: { worker: false },
  });
}

const Given = createContext<Client | null>(null);

export function ClientProvider({ client, children }: { client: Client; children: ReactNode }) {
  return <Given.Provider value={client}>{children}</Given.Provider>;
}

export function useClient(): Client {
  const client = useContext(Given);
  if (!client) throw new Error("no ClientProvider above this component");
  return client;
}
