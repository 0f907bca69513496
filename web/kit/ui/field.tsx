import {
  type InputHTMLAttributes,
  type ReactNode,
  type Ref,
  type SelectHTMLAttributes,
  type TextareaHTMLAttributes,
  useId,
} from "react";
import styles from "./field.module.css";

type Shared = { label: string; hint?: ReactNode; error?: string | undefined; hideLabel?: boolean };
type Given = {
  id: string;
  "aria-describedby": string | undefined;
  "aria-invalid": true | undefined;
  className: string | undefined;
};

/** A label, what is beneath it, and what to say about it; every control of a form stands in one. */
export function Field({
  label,
  hint,
  error,
  hideLabel,
  children,
}: Shared & { children: (given: Given) => ReactNode }) {
  const id = useId();
  const told = error || hint ? `${id}-told` : undefined;
  return (
    <div className={styles.field}>
      <label htmlFor={id} className={hideLabel ? "visually-hidden" : styles.label}>
        {label}
      </label>
      {children({
        id,
        "aria-describedby": told,
        "aria-invalid": error ? true : undefined,
        className: styles.control,
      })}
      {told && (
        <div id={told} className={error ? styles.error : styles.hint} role={error ? "alert" : undefined}>
          {error ?? hint}
        </div>
      )}
    </div>
  );
}

export function TextField({
  label,
  hint,
  error,
  hideLabel,
  ...rest
}: Shared & InputHTMLAttributes<HTMLInputElement> & { ref?: Ref<HTMLInputElement> }) {
  return (
    <Field {...{ label, hint, error, hideLabel }}>
      {(given) => <input type="text" {...rest} {...given} />}
    </Field>
  );
}

export function TextArea({
  label,
  hint,
  error,
  hideLabel,
  ...rest
}: Shared & TextareaHTMLAttributes<HTMLTextAreaElement> & { ref?: Ref<HTMLTextAreaElement> }) {
  return (
    <Field {...{ label, hint, error, hideLabel }}>
      {(given) => <textarea rows={4} {...rest} {...given} />}
    </Field>
  );
}

export function Select({
  label,
  hint,
  error,
  hideLabel,
  ...rest
}: Shared & SelectHTMLAttributes<HTMLSelectElement>) {
  return <Field {...{ label, hint, error, hideLabel }}>{(given) => <select {...rest} {...given} />}</Field>;
}

/** On or off. `asSwitch`: it works at once, without a form being sent. */
export function Checkbox({
  label,
  hint,
  asSwitch,
  ...rest
}: { label: string; hint?: ReactNode; asSwitch?: boolean } & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId();
  return (
    <div className={styles.check}>
      <input
        type="checkbox"
        role={asSwitch ? "switch" : undefined}
        {...rest}
        id={id}
        aria-describedby={hint ? `${id}-told` : undefined}
      />
      <div>
        <label htmlFor={id}>{label}</label>
        {hint && (
          <div id={`${id}-told`} className={styles.hint}>
            {hint}
          </div>
        )}
      </div>
    </div>
  );
}
