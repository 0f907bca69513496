import styles from "./avatar.module.css";

const HUES = [210, 262, 330, 12, 38, 160, 190, 285];

/** A person's picture, or the first letters of their name on a colour of their own. Their name stands beside it. */
export function Avatar({
  name,
  url,
  size = 28,
}: {
  name: string;
  url?: string | null | undefined;
  size?: number;
}) {
  const style = {
    width: size,
    height: size,
    fontSize: size * 0.4,
    "--hue": HUES[hash(name) % HUES.length],
  } as React.CSSProperties;
  if (url) return <img className={styles.avatar} style={style} src={url} alt="" loading="lazy" />;
  return (
    <span className={styles.avatar} style={style} aria-hidden>
      {initials(name)}
    </span>
  );
}

const initials = (name: string) =>
  name
    .trim()
    .split(/\s+/)
    .slice(0, 2)
    .map((word) => Array.from(word)[0]?.toLocaleUpperCase() ?? "")
    .join("") || "?";

const hash = (text: string) =>
  Array.from(text).reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) >>> 0, 7);
