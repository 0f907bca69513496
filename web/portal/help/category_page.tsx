import { Empty, Loaded } from "@kit/ui";
import { useParams } from "react-router";
import { useCentre } from "../shell/centre";
import { ContactUs } from "./contact_us";
import styles from "./help.module.css";
import { ArticleLink } from "./home";
import { Path } from "./path";
import { useCatalog } from "./queries";
import { useHelpWords } from "./words";

export function CategoryPage() {
  const t = useHelpWords();
  const { name } = useCentre();
  const { category: wanted } = useParams();
  return (
    <div className={styles.page}>
      <Loaded query={useCatalog()} lines={6}>
        {({ categories }) => {
          const found = categories.find((each) => each.slug === wanted);
          if (!found) return <Empty title={t("noSuchCategory")} />;
          return (
            <>
              <title>{`${found.name} · ${name}`}</title>
              <Path />
              <h1 className={styles.heading} dir="auto">
                {found.name}
              </h1>
              <ul className={styles.list}>
                {found.articles.map((each) => (
                  <ArticleLink key={each.id} entry={each} />
                ))}
              </ul>
            </>
          );
        }}
      </Loaded>
      <ContactUs />
    </div>
  );
}
