/** The routes of the functions (docs/openapi.json): for the few things that a database cannot do. */
import { FunctionsHttpError } from "@supabase/supabase-js";
import type { Client } from "./client";
import { problemOf, Refused } from "./errors";

/** What a route below /functions/v1 answers; throws `Refused` as it says why not. */
export async function callFunction<T>(
  client: Client,
  path: string,
  options: { method: "GET" | "POST" | "PATCH" | "DELETE"; body?: Record<string, unknown> },
): Promise<T> {
  const { data, error } = await client.functions.invoke(path, options);
  if (!error) return data as T;
  if (!(error instanceof FunctionsHttpError)) throw error;
  const answer = error.context as Response;
  const said: unknown = await answer.json().catch(() => null);
  throw new Refused({ ...problemOf(said ?? error), status: answer.status });
}
