/** What can be chosen while one writes: texts that are kept, people to name. */
import styles from "./suggestions.module.css";

export type Suggestion = { id: string; label: string; hint?: string; detail?: string };

export function Suggestions({
  id,
  label,
  options,
  active,
  none,
  onChoose,
}: {
  id: string;
  label: string;
  options: Suggestion[];
  active: number;
  none: string;
  onChoose: (index: number) => void;
}) {
  return (
    <div className={styles.place}>
      <div id={id} role="listbox" aria-label={label} className={styles.list}>
        {options.map((option, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: keys are the text field's
          // biome-ignore lint/a11y/useFocusableInteractive: as above
          <div
            key={option.id}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === active}
            className={styles.option}
            ref={index === active ? (element) => element?.scrollIntoView({ block: "nearest" }) : undefined}
            // Before the field loses the focus.
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => onChoose(index)}
          >
            <span className={styles.label}>{option.label}</span>
            {option.hint && <span className={styles.hint}>{option.hint}</span>}
            {option.detail && <span className={styles.detail}>{option.detail}</span>}
          </div>
        ))}
      </div>
      {options.length === 0 && <p className={styles.none}>{none}</p>}
    </div>
  );
}
