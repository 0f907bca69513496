import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useQuery } from "@tanstack/react-query";
import { useCategories } from "../shell/desk";
import { useOrganization } from "../shell/organization";
import styles from "./side.module.css";
import type { Seen } from "./triage";
import { useSideWords } from "./words";

const SHOWN = 3;

/** The other categories it may be, the examples that spoke for the first, and the words that gave a signal. */
export function TriageReasons({
  seen,
  chosen,
  onChoose,
}: {
  seen: Seen;
  chosen: string | null;
  onChoose?: (categoryId: string) => void;
}) {
  const t = useSideWords();
  const client = useClient();
  const { organization_id } = useOrganization();
  const categories = useCategories().data ?? [];
  const examples = useQuery({
    queryKey: ["examples", organization_id, seen.id],
    enabled: seen.evidence.length > 0,
    queryFn: () =>
      ok(
        client
          .from("triage_examples")
          .select("id, text")
          .eq("organization_id", organization_id)
          .in("id", seen.evidence.slice(0, SHOWN)),
      ),
  });
  const nameOf = (id: string) => categories.find((each) => each.id === id)?.name ?? "…";
  const said = [...new Set(Object.values(seen.signals).flatMap(({ evidence }) => evidence))];
  return (
    <>
      <h3 className={styles.small}>{t("otherGuesses")}</h3>
      <ul className={styles.list}>
        {seen.ranking.map(({ category_id, confidence }) => {
          const share = `${Math.round(confidence * 100)}%`;
          return (
            <li key={category_id}>
              <button
                type="button"
                className={styles.guess}
                disabled={!onChoose || category_id === chosen}
                onClick={() => onChoose?.(category_id)}
              >
                <span>{nameOf(category_id)}</span>
                <span className={styles.meter} aria-hidden>
                  <span style={{ inlineSize: share }} />
                </span>
                <span className={styles.small}>{share}</span>
                {onChoose && category_id !== chosen && (
                  <span className="visually-hidden">{t("chooseGuess")}</span>
                )}
              </button>
            </li>
          );
        })}
      </ul>
      {!!examples.data?.length && (
        <>
          <h3 className={styles.small}>{t("examples")}</h3>
          <ul className={styles.list}>
            {examples.data.map(({ id, text }) => (
              <li key={id} className={styles.quote}>
                {text.length > 160 ? `${text.slice(0, 160)}…` : text}
              </li>
            ))}
          </ul>
        </>
      )}
      {said.length > 0 && (
        <>
          <h3 className={styles.small}>{t("words")}</h3>
          <ul className={styles.list}>
            {said.map((each) => (
              <li key={each} className={styles.quote}>
                {each}
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}
