/** Where words are typed, and in what they are searched. */
import { IconButton } from "@kit/ui";
import { Search, X } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { useOrganization } from "../../shell/organization";
import type { CurrentList } from "../source";
import styles from "./search.module.css";
import { useSearchWords } from "./words";

export const PLACES = ["tickets", "messages", "contacts"] as const;
export type Place = (typeof PLACES)[number];

export const placeOf = (params: URLSearchParams): Place =>
  PLACES.find((each) => each === params.get("for")) ?? "tickets";

/** While somebody types, words are looked up after this pause. */
const PAUSE_MS = 180;

export function SearchHead({ list, back }: { list: CurrentList; back: string }) {
  const t = useSearchWords();
  const navigate = useNavigate();
  const { slug } = useOrganization();
  const [params] = useSearchParams();
  const asked = params.get("q") ?? "";
  const place = placeOf(params);
  const [typed, setTyped] = useState(asked);
  const input = useRef<HTMLInputElement>(null);
  const latest = useRef({ place, asked, number: list.number });
  latest.current = { place, asked, number: list.number };
  useEffect(() => setTyped(asked), [asked]);
  useEffect(() => {
    if (typed === latest.current.asked) return;
    const timer = setTimeout(
      () => navigate(addressOf(slug, typed, latest.current.place), { replace: true }),
      PAUSE_MS,
    );
    return () => clearTimeout(timer);
  }, [typed, navigate, slug]);
  useEffect(() => {
    if (latest.current.number === undefined) input.current?.focus();
  }, []);
  return (
    <header className={styles.head}>
      <div className={styles.line}>
        <Search aria-hidden className={styles.icon} />
        <input
          ref={input}
          className={styles.input}
          type="search"
          enterKeyHint="search"
          aria-label={t("search")}
          placeholder={t("placeholder")}
          value={typed}
          onChange={({ target }) => setTyped(target.value)}
          onKeyDown={(event) => {
            if (event.key === "Escape") navigate(back);
            else if (event.key === "ArrowDown" || event.key === "Enter")
              firstResult(event.currentTarget)?.focus();
            else return;
            event.preventDefault();
          }}
        />
        <IconButton small label={t("close")} keys="Esc" onClick={() => navigate(back)}>
          <X />
        </IconButton>
      </div>
      <fieldset className={styles.places} aria-label={t("where")}>
        {PLACES.map((each) => (
          <button
            key={each}
            type="button"
            className={styles.place}
            aria-pressed={each === place}
            onClick={() => navigate(addressOf(slug, typed, each), { replace: true })}
          >
            {t(each)}
          </button>
        ))}
      </fieldset>
    </header>
  );
}

const firstResult = (input: HTMLElement) =>
  input.closest("section")?.querySelector<HTMLElement>("li a") ?? undefined;

export function addressOf(slug: string, query: string, place: Place = "tickets"): string {
  const params = new URLSearchParams({ q: query });
  if (place !== "tickets") params.set("for", place);
  return `/${slug}/search?${params}`;
}
