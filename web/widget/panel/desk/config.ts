/** Where the desk's API is: what the script tag says, else config.json beside widget.js. */
import type { Options } from "../../loader/options";

export type Config = { api: string; key: string };

export async function configOf({ api, key, home }: Options): Promise<Config> {
  if (api && key) return { api, key };
  const answer = await fetch(new URL("config.json", home), { credentials: "omit" });
  const said: unknown = answer.ok ? await answer.json() : null;
  if (typeof said === "object" && said !== null && "url" in said && "key" in said)
    return { api: String(said.url).replace(/\/+$/, ""), key: String(said.key) };
  throw new Error(`pgdesk: ${home}config.json should say {"url": …, "key": …}`);
}
