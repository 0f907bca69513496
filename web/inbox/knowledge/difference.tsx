import { useMemo, useState } from "react";
import { type Change, diffLines } from "./diff";
import styles from "./versions.module.css";
import { useKnowledgeWords } from "./words";

/** As many lines that are the same are shown around what is not. */
const AROUND = 2;

export function Difference({ before, after }: { before: string; after: string }) {
  const t = useKnowledgeWords();
  const changes = useMemo(() => diffLines(before, after), [before, after]);
  const [opened, setOpened] = useState<ReadonlySet<number>>(new Set());
  if (changes.every(({ kind }) => kind === "same"))
    return (
      <>
        <p className={styles.about}>{t("noDifference")}</p>
        <pre className={styles.lines}>{before}</pre>
      </>
    );
  return (
    <div className={styles.lines}>
      {runsOf(changes).map(({ from, lines, isHidden }) =>
        isHidden && !opened.has(from) ? (
          <button
            key={from}
            type="button"
            className={styles.folded}
            onClick={() => setOpened(new Set([...opened, from]))}
          >
            {t("sameLines", { count: lines.length })}
          </button>
        ) : (
          lines.map(({ kind, text }, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: lines have no other name, and never move
            <div key={from + at} className={styles.line} data-kind={kind}>
              {kind !== "same" && (
                <span className="visually-hidden">{t(kind === "in" ? "added" : "removed")}</span>
              )}
              {text || "\u00a0"}
            </div>
          ))
        ),
      )}
    </div>
  );
}

type Run = { from: number; lines: Change[]; isHidden: boolean };

/** Lines that are the same and far from any change stand together, to be folded. */
function runsOf(changes: Change[]): Run[] {
  const near = changes.map((_, at) =>
    changes.slice(Math.max(0, at - AROUND), at + AROUND + 1).some(({ kind }) => kind !== "same"),
  );
  const runs: Run[] = [];
  changes.forEach((change, at) => {
    const last = runs.at(-1);
    const isHidden = !near[at];
    if (last && last.isHidden === isHidden) last.lines.push(change);
    else runs.push({ from: at, lines: [change], isHidden });
  });
  return runs;
}
