/** The desk asks how it was. One press is an answer; what is said besides may follow. */
import { useState } from "preact/hooks";
import { useChat, useWords } from "../context";
import { Icon } from "./icons";

const SCORES = [1, 2, 3, 4, 5] as const;

export function Rating() {
  const t = useWords();
  const chat = useChat();
  const [score, choose] = useState(0);
  const [state, set] = useState<"asked" | "failed" | "done">("asked");

  async function rate(next: number, comment: string): Promise<boolean> {
    choose(next);
    try {
      await chat.rate(next, comment);
      set("asked");
      return true;
    } catch {
      set("failed");
      return false;
    }
  }

  if (state === "done")
    return (
      <p class="aside" role="status">
        {t("rated")}
      </p>
    );
  return (
    <form
      class="card ask"
      onSubmit={async (event) => {
        event.preventDefault();
        const comment = String(new FormData(event.currentTarget).get("comment") ?? "");
        if (await rate(score, comment)) set("done");
      }}
    >
      <fieldset>
        <legend>{t("rate")}</legend>
        <div class="stars">
          {SCORES.map((each) => (
            <button
              key={each}
              type="button"
              class={each <= score ? "full" : ""}
              aria-pressed={each === score}
              aria-label={t("rateScore", { count: each })}
              onClick={() => void rate(each, "")}
            >
              <Icon name="star" />
            </button>
          ))}
        </div>
      </fieldset>
      {score > 0 && (
        <>
          <label for="pgdesk-comment">{t("rateMore")}</label>
          <textarea id="pgdesk-comment" name="comment" rows={2} maxLength={5000} dir="auto" />
          <button type="submit" class="second">
            {t("rateSend")}
          </button>
        </>
      )}
      {state === "failed" && (
        <p class="problem" role="alert">
          {t("notSent")}
        </p>
      )}
    </form>
  );
}
