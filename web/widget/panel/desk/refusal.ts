/** Why the desk did not do what it was asked, as its routes and PostgREST say it. */
export class Refusal extends Error {
  readonly code: string;
  readonly status: number;
  /** In how many seconds it is worth another try. */
  readonly after: number | null;

  constructor(code: string, message: string, status: number, after: number | null) {
    super(message);
    this.name = "Refusal";
    this.code = code;
    this.status = status;
    this.after = after;
  }
}

export async function refusalOf(answer: Response): Promise<Refusal> {
  const said = (await answer.json().catch(() => ({}))) as { code?: unknown; message?: unknown };
  const after = Number(answer.headers.get("retry-after"));
  return new Refusal(
    String(said.code ?? "unknown"),
    String(said.message ?? answer.statusText),
    answer.status,
    after > 0 ? after : null,
  );
}

/** The network, or the desk for the moment: worth another try as it is. */
export const isPassing = (error: unknown): boolean =>
  !(error instanceof Refusal) || error.status >= 500 || error.status === 429;
