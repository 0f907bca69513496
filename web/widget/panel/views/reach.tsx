/** Where answers go when the visitor has left. */
import { useState } from "preact/hooks";
import { useChat, useChatState, useWords } from "../context";

export function Reach() {
  const t = useWords();
  const chat = useChat();
  const { hasAddress } = useChatState();
  const [state, set] = useState<"asked" | "busy" | "wrong" | "failed" | "done">("asked");
  if (state === "done")
    return (
      <p class="aside" role="status">
        {t("reached")}
      </p>
    );
  if (hasAddress) return null;

  async function leave(form: HTMLFormElement): Promise<void> {
    const email = String(new FormData(form).get("email") ?? "").trim();
    if (!/^[^@\s]+@[^@\s]+$/.test(email)) return set("wrong");
    set("busy");
    try {
      await chat.leaveAddress(email);
      set("done");
    } catch {
      set("failed");
    }
  }

  return (
    <form
      class="card ask"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void leave(event.currentTarget);
      }}
    >
      <label for="pgdesk-email">{t("reach")}</label>
      <div class="row">
        <input
          id="pgdesk-email"
          name="email"
          type="email"
          autocomplete="email"
          maxLength={320}
          placeholder={t("email")}
          aria-invalid={state === "wrong"}
          aria-describedby="pgdesk-email-problem"
        />
        <button type="submit" class="second" disabled={state === "busy"}>
          {t("reachSend")}
        </button>
      </div>
      <p id="pgdesk-email-problem" class="problem" role="alert">
        {state === "wrong" ? t("reachWrong") : state === "failed" ? t("notSent") : ""}
      </p>
    </form>
  );
}
