import { Tooltip } from "@kit/ui";
import type { Change } from "./change";
import styles from "./reports.module.css";
import { useReportWords } from "./words";

type Props = { name: string; hint: string; value: string; change: Change; line?: (number | null)[] };

/** One number: what it is called, how much it is, how it has changed, and how it went. */
export function Tile({ name, hint, value, change, line }: Props) {
  const t = useReportWords();
  const tone = change?.isGood === null || !change ? "" : change.isGood ? styles.good : styles.bad;
  return (
    <div className={styles.tile}>
      <Tooltip text={hint}>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: focused, it says what the number is */}
        <dt tabIndex={0}>{name}</dt>
      </Tooltip>
      <dd>
        <span className={styles.value}>{value}</span>
        {change && (
          <span className={tone}>
            {t(change.percent > 0 ? "more" : change.percent < 0 ? "less" : "same", {
              percent: Math.abs(change.percent),
            })}
          </span>
        )}
        {line && <Spark points={line} />}
      </dd>
    </div>
  );
}

const WIDTH = 120;
const HEIGHT = 28;

/** The way of a number, without axes: what it says stands in the chart below. */
function Spark({ points }: { points: (number | null)[] }) {
  const known = points.filter((each): each is number => each !== null);
  if (known.length < 2) return null;
  const [low, high] = [Math.min(...known, 0), Math.max(...known)];
  const x = (index: number) => (index / (points.length - 1)) * WIDTH;
  const y = (value: number) => HEIGHT - 2 - ((value - low) / (high - low || 1)) * (HEIGHT - 4);
  const path = points
    .flatMap((value, index) => (value === null ? [] : [`${x(index).toFixed(1)},${y(value).toFixed(1)}`]))
    .join(" ");
  return (
    <svg className={styles.spark} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
      <polyline points={path} />
    </svg>
  );
}
