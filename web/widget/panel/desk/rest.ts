/** The desk's rows and functions, as the visitor. */
import type { Config } from "./config";
import { refusalOf } from "./refusal";
import type { Visitor } from "./visitor";

export type Rest = {
  rows: <T>(table: string, query: Record<string, string>) => Promise<T[]>;
  call: <T>(name: string, values: Record<string, unknown>) => Promise<T>;
  file: (path: string) => Promise<Blob>;
  /** Puts a file where `attach_files` finds it. */
  upload: (path: string, file: File) => Promise<void>;
};

export function restFor({ api, key }: Config, visitor: Visitor): Rest {
  async function ask(path: string, init: RequestInit = {}): Promise<Response> {
    const send = async () =>
      fetch(`${api}/${path}`, {
        ...init,
        credentials: "omit",
        headers: { apikey: key, authorization: `Bearer ${await visitor.token()}`, ...init.headers },
      });
    let answer = await send();
    if (answer.status === 401) {
      // A clock that runs differently here, or a key that was changed there.
      visitor.expire();
      answer = await send();
    }
    if (!answer.ok) throw await refusalOf(answer);
    return answer;
  }

  return {
    rows: async (table, query) => (await ask(`rest/v1/${table}?${new URLSearchParams(query)}`)).json(),
    call: async (name, values) => {
      const answer = await ask(`rest/v1/rpc/${name}`, {
        method: "POST",
        // What was written arrives though its page is left.
        keepalive: true,
        headers: { "content-type": "application/json" },
        body: JSON.stringify(values),
      });
      const text = await answer.text();
      return text ? JSON.parse(text) : null;
    },
    file: async (path) => (await ask(`storage/v1/object/authenticated/attachments/${path}`)).blob(),
    upload: async (path, file) => {
      const headers = { "content-type": file.type || "application/octet-stream" };
      await ask(`storage/v1/object/attachments/${path}`, { method: "POST", headers, body: file });
    },
  };
}

/** Values for `in.(…)`. */
export const among = (values: string[]): string =>
  `in.(${values.map((each) => `"${each.replace(/["\\]/g, "\\$&")}"`).join(",")})`;
