import { Checkbox, Loaded } from "@kit/ui";
import layout from "../layout.module.css";
import records from "../records.module.css";
import { useEventTypes } from "./webhooks";
import styles from "./webhooks.module.css";
import { useWebhookWords } from "./words";

/** Which events an endpoint wants: all, all about something, or single ones. */
export function EventFilter({
  value,
  error,
  onChange,
}: {
  value: string[];
  error: string | undefined;
  onChange: (types: string[]) => void;
}) {
  const t = useWebhookWords();
  const types = useEventTypes();
  const isAll = value.includes("*");
  const toggle = (type: string, isOn: boolean) =>
    onChange(isOn ? [...value.filter((each) => each !== "*"), type] : value.filter((each) => each !== type));
  return (
    <fieldset className={layout.fields}>
      <legend className={layout.legend}>{t("events")}</legend>
      <Checkbox
        label={t("allEvents")}
        checked={isAll}
        onChange={(event) => onChange(event.target.checked ? ["*"] : ["ticket.*"])}
      />
      {error && (
        <p role="alert" className={records.problem}>
          {error}
        </p>
      )}
      {!isAll && (
        <Loaded query={types}>
          {(groups) => (
            <div className={styles.groups}>
              {groups.map(([noun, theirs]) => {
                const whole = `${noun}.*`;
                const isWhole = value.includes(whole);
                const chosen = theirs.filter(({ type }) => value.includes(type));
                return (
                  <details key={noun} className={styles.group}>
                    <summary>
                      <code>{whole}</code>{" "}
                      <span className={layout.muted}>
                        {isWhole ? t("whole") : chosen.length > 0 && t("some", { count: chosen.length })}
                      </span>
                    </summary>
                    <div className={styles.types}>
                      <Checkbox
                        label={t("wholeGroup", { noun: whole })}
                        checked={isWhole}
                        onChange={(event) => {
                          const others = value.filter((each) => each.split(".")[0] !== noun);
                          onChange(event.target.checked ? [...others, whole] : others);
                        }}
                      />
                      {!isWhole &&
                        theirs.map(({ type, happens }) => (
                          <Checkbox
                            key={type}
                            label={type}
                            hint={happens}
                            checked={value.includes(type)}
                            onChange={(event) => toggle(type, event.target.checked)}
                          />
                        ))}
                    </div>
                  </details>
                );
              })}
            </div>
          )}
        </Loaded>
      )}
    </fieldset>
  );
}
