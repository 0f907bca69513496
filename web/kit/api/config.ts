/** Where the desk is. Written beside the pages by whoever serves them, so that one build serves every installation. */
export type Config = {
  /** The Supabase project: REST, Auth, Realtime, Storage, and the functions below /functions/v1. */
  url: string;
  /** The publishable key; it opens nothing that row-level security does not. */
  key: string;
};

export async function readConfig(): Promise<Config> {
  const answer = await fetch("/config.json", { cache: "no-cache" });
  const found: unknown = answer.ok ? await answer.json() : null;
  if (!isConfig(found))
    throw new Error('/config.json should be {"url": …, "key": …} with the project\'s publishable key');
  return found;
}

function isConfig(value: unknown): value is Config {
  return (
    typeof value === "object" &&
    value !== null &&
    "url" in value &&
    "key" in value &&
    typeof value.url === "string" &&
    typeof value.key === "string" &&
    !value.key.startsWith("sb_secret_")
  );
}
