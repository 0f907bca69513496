import { Button } from "@kit/ui";
import styles from "./page.module.css";
import { useContactWords } from "./words";

type Pages = { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown };

export function LoadMore({ pages }: { pages: Pages }) {
  const t = useContactWords();
  if (!pages.hasNextPage) return null;
  return (
    <div className={styles.search}>
      <Button small busy={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
        {t("loadMore")}
      </Button>
    </div>
  );
}
