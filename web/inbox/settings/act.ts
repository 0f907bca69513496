import { useToast } from "@kit/ui";
import { explain } from "./problems";
import { useSettingsWords } from "./words";

/** Does what a button says and tells how it went: `done` in a short word, or what was wrong and how to try again. */
export function useAct(): (
  run: () => Promise<unknown>,
  done?: string | ((answer: unknown) => string),
) => void {
  const toast = useToast();
  const t = useSettingsWords();
  const act = (run: () => Promise<unknown>, done?: string | ((answer: unknown) => string)) => {
    run().then(
      (answer) => {
        const said = typeof done === "function" ? done(answer) : done;
        if (said) toast(said);
      },
      (error: unknown) =>
        toast(explain(error, [], t).text, {
          tone: "danger",
          action: { label: t("tryAgain"), run: () => act(run, done) },
        }),
    );
  };
  return act;
}
