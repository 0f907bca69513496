import { ChevronRight } from "lucide-react";
import { Link } from "react-router";
import { useCentre } from "../shell/centre";
import { useShellWords } from "../shell/words";
import type { Category } from "./catalog";
import styles from "./help.module.css";
import { useHelpWords } from "./words";

/** Where a page stands, and the way back up. */
export function Path({ category }: { category?: Category | undefined }) {
  const t = useHelpWords();
  const shell = useShellWords();
  const { slug } = useCentre();
  return (
    <nav aria-label={t("path")} className={styles.path}>
      <ol>
        <li>
          <Link to={`/${slug}`}>{shell("help")}</Link>
        </li>
        {category && (
          <li>
            <ChevronRight aria-hidden className="mirrored" />
            <Link to={`/${slug}/categories/${category.slug}`} dir="auto">
              {category.name}
            </Link>
          </li>
        )}
      </ol>
    </nav>
  );
}
