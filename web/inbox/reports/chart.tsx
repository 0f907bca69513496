import { useLanguage } from "@kit/i18n";
import { Button } from "@kit/ui";
import { type ReactNode, useId, useState } from "react";
import { CartesianGrid, ResponsiveContainer, Tooltip, XAxis, YAxis } from "recharts";
import styles from "./reports.module.css";
import { useReportWords } from "./words";

export type Series = { key: string; name: string; color: string };
type Point = Record<string, string | number | null>;

type Props = {
  title: string;
  /** What the picture says, in a sentence. */
  sentence: string;
  /** What stands along the bottom: its key in each point, its name, how it is written. */
  along: { key: string; name: string; format: (value: string) => string };
  format: (value: number) => string;
  series: Series[];
  points: Point[];
  /** The picture: recharts' chart around these children. */
  children: (parts: ReactNode) => ReactNode;
};

/** A picture with its title, its sentence, its legend, and the same as a table for who would rather read it. */
export function Chart({ title, sentence, along, format, series, points, children }: Props) {
  const t = useReportWords();
  const { language } = useLanguage();
  const [asTable, setAsTable] = useState(false);
  const heading = useId();
  const isRightToLeft = document.documentElement.dir === "rtl" || language === "ar";
  const write = (value: unknown) => (typeof value === "number" ? format(value) : "–");
  const ticks = { fill: "var(--text-muted)", fontSize: 12 };
  return (
    <figure className={styles.chart} aria-labelledby={heading}>
      <figcaption className={styles.caption}>
        <div>
          <h3 id={heading}>{title}</h3>
          <p>{sentence}</p>
        </div>
        <Button small look="quiet" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
          {t("asTable")}
        </Button>
      </figcaption>
      {asTable ? (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard
        <section className={styles.scroll} tabIndex={0} aria-labelledby={heading}>
          <table className={styles.table}>
            <thead>
              <tr>
                <th scope="col">{along.name}</th>
                {series.map((each) => (
                  <th scope="col" key={each.key}>
                    {each.name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {points.map((point) => (
                <tr key={String(point[along.key])}>
                  <th scope="row">{along.format(String(point[along.key]))}</th>
                  {series.map((each) => (
                    <td key={each.key}>{write(point[each.key])}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      ) : (
        <>
          <ul className={styles.legend}>
            {series.map((each) => (
              <li key={each.key}>
                <span style={{ background: each.color }} aria-hidden="true" />
                {each.name}
              </li>
            ))}
          </ul>
          {/* The picture is read by nobody who cannot see it: the sentence and the table say the same. */}
          <div className={styles.picture} aria-hidden="true">
            <ResponsiveContainer width="100%" height="100%">
              {children(
                <>
                  <CartesianGrid vertical={false} stroke="var(--border)" />
                  <XAxis
                    dataKey={along.key}
                    reversed={isRightToLeft}
                    tickFormatter={along.format}
                    tick={ticks}
                    tickLine={false}
                    axisLine={{ stroke: "var(--border)" }}
                    minTickGap={32}
                  />
                  <YAxis
                    orientation={isRightToLeft ? "right" : "left"}
                    tickFormatter={format}
                    tick={ticks}
                    tickLine={false}
                    axisLine={false}
                    width={64}
                    allowDecimals={false}
                  />
                  <Tooltip
                    formatter={(value) => write(value)}
                    labelFormatter={(value) => along.format(String(value))}
                    contentStyle={{
                      background: "var(--surface-raised)",
                      border: "1px solid var(--border)",
                      borderRadius: 6,
                    }}
                    cursor={{ fill: "var(--surface-hover)" }}
                    isAnimationActive={false}
                  />
                </>,
              )}
            </ResponsiveContainer>
          </div>
        </>
      )}
    </figure>
  );
}
