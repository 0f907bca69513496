/** Coming back from the link of a mail: its code is changed for a session before anything is shown. */
import type { Client } from "@kit/api/client";

/** What became of the link that brought somebody here: null where none did, or where it worked. */
export type Arrival = "failed" | null;

export async function arrive(client: Client): Promise<Arrival> {
  const here = new URL(location.href);
  const told = new URLSearchParams(here.hash.replace(/^#/, ""));
  const refused = here.searchParams.has("error") || told.has("error");
  const { error } = await client.auth.initialize();
  for (const name of ["code", "error", "error_code", "error_description"]) here.searchParams.delete(name);
  if (told.has("error")) here.hash = "";
  if (here.href !== location.href) history.replaceState(history.state, "", here);
  return refused || error ? "failed" : null;
}
