import { Empty, Loaded } from "@kit/ui";
import { UsersRound } from "lucide-react";
import styles from "./page.module.css";
import { PairCard, usePairs } from "./pair";
import { useContactWords } from "./words";

export function Duplicates() {
  const t = useContactWords();
  const pairs = usePairs();
  return (
    <div className={styles.pairs}>
      <Loaded query={pairs} lines={6}>
        {(all) =>
          all.length === 0 ? (
            <Empty title={t("noDuplicates")} icon={<UsersRound />}>
              {t("noDuplicatesHint")}
            </Empty>
          ) : (
            all.map((pair) => <PairCard key={`${pair.one.id} ${pair.other.id}`} pair={pair} />)
          )
        }
      </Loaded>
    </div>
  );
}
