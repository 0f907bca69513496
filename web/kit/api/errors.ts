/** What went wrong, as PostgREST, Auth, Storage and the functions say it. */
export type Problem = {
  code: string;
  message: string;
  hint?: string | undefined;
  details?: string | undefined;
  status?: number | undefined;
};

/** A refusal of one of the platform's services, thrown so that queries and mutations fail with it. */
export class Refused extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  readonly details: string | undefined;
  readonly status: number | undefined;

  constructor(problem: Problem) {
    super(problem.message);
    this.name = "Refused";
    this.code = problem.code;
    this.hint = problem.hint;
    this.details = problem.details;
    this.status = problem.status;
  }
}

type Answer = { data: unknown; error: { message: string } | null };
type Data<A> = A extends { data: infer D; error: null } ? D : never;

/** The data of an answer of supabase-js; throws `Refused` for an error. */
export async function ok<A extends Answer>(answer: PromiseLike<A>): Promise<Data<A>> {
  const { data, error } = await answer;
  if (error) throw new Refused(problemOf(error));
  return data as Data<A>;
}

export function problemOf(error: unknown): Problem {
  if (typeof error !== "object" || error === null) return { code: "unknown", message: String(error) };
  const fields = error as Record<string, unknown>;
  const text = (name: string) => (typeof fields[name] === "string" ? fields[name] : undefined);
  return {
    code: text("code") ?? text("name") ?? "unknown",
    message: text("message") ?? "unknown error",
    hint: text("hint"),
    details: text("details"),
    status: typeof fields.status === "number" ? fields.status : undefined,
  };
}

/** Nothing came back at all: the network, not the desk. */
export const isOffline = (error: unknown): boolean =>
  !navigator.onLine || /failed to fetch|networkerror|load failed/i.test(problemOf(error).message);

/** Somebody was faster, or what was seen is no longer so (`send_reply` over an unseen message, a merge undone twice). */
export const isConflict = (error: unknown): boolean => problemOf(error).code === "PT409";

export const isForbidden = (error: unknown): boolean => ["42501", "PT403"].includes(problemOf(error).code);
