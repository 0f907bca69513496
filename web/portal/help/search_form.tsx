/** A field that shows what fits while somebody types; Enter goes to all of it. */
import { Search } from "lucide-react";
import { type FormEvent, useDeferredValue, useId, useState } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";
import { useCentre } from "../shell/centre";
import styles from "./help.module.css";
import { useSearch } from "./queries";
import { useSettled } from "./settled";
import { useHelpWords } from "./words";

const SUGGESTED = 5;

export function SearchForm({ withSuggestions = true }: { withSuggestions?: boolean }) {
  const t = useHelpWords();
  const { slug } = useCentre();
  const navigate = useNavigate();
  const [params] = useSearchParams();
  const [text, setText] = useState(params.get("q") ?? "");
  const [open, setOpen] = useState(false);
  const asked = useSettled(useDeferredValue(text), 180);
  const found = useSearch(withSuggestions ? asked : "", SUGGESTED);
  const list = useId();
  const hits = open && text.trim().length > 1 ? (found.data ?? []) : [];

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim()) navigate(`/${slug}/search?q=${encodeURIComponent(text.trim())}`);
  };
  return (
    <search className={styles.search}>
      <form
        onSubmit={submit}
        onFocus={() => setOpen(true)}
        onBlur={(event) => !event.currentTarget.contains(event.relatedTarget) && setOpen(false)}
        onKeyDown={(event) => event.key === "Escape" && setOpen(false)}
      >
        <Search aria-hidden className={styles.glass} />
        <input
          type="search"
          name="q"
          aria-label={t("search")}
          placeholder={t("searchHint")}
          autoComplete="off"
          value={text}
          aria-controls={hits.length > 0 ? list : undefined}
          onChange={(event) => {
            setText(event.target.value);
            setOpen(true);
          }}
        />
        <button type="submit">{t("find")}</button>
        {hits.length > 0 && (
          <ul id={list} className={styles.suggestions}>
            {hits.map((hit) => (
              <li key={hit.slug}>
                <Link to={`/${slug}/articles/${hit.slug}`} lang={hit.language} dir="auto">
                  <strong>{hit.title}</strong>
                  <span>{hit.excerpt}</span>
                </Link>
              </li>
            ))}
          </ul>
        )}
      </form>
      <div role="status" className="visually-hidden">
        {hits.length > 0 ? t("foundFor", { count: hits.length, query: asked }) : ""}
      </div>
    </search>
  );
}
