/** Forms of the settings: what is written stays until it is saved, and what the database refuses stands at its field. */
import { Button } from "@kit/ui";
import { Check } from "lucide-react";
import { type FormEvent, type ReactNode, useCallback, useEffect, useMemo, useState } from "react";
import { useBlocker } from "react-router";
import styles from "./form.module.css";
import { explain, type FormProblem } from "./problems";
import { useSettingsWords } from "./words";

const same = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);

export type Draft<T> = {
  value: T;
  /** What differs from the row. */
  changes: Partial<T>;
  isDirty: boolean;
  set: <K extends keyof T>(field: K, value: T[K]) => void;
  reset: () => void;
};

/** A row as somebody changes it. Only what was changed is kept, so that the rest follows the row when it is read anew. */
export function useDraft<T extends object>(row: T): Draft<T> {
  const [written, setWritten] = useState<Partial<T>>({});
  const set = useCallback(<K extends keyof T>(field: K, value: T[K]) => {
    setWritten((old) => ({ ...old, [field]: value }));
  }, []);
  const reset = useCallback(() => setWritten({}), []);
  return useMemo(() => {
    const changed = Object.entries(written).filter(([field, value]) => !same(row[field as keyof T], value));
    const changes = Object.fromEntries(changed) as Partial<T>;
    return { value: { ...row, ...written }, changes, isDirty: changed.length > 0, set, reset };
  }, [row, written, set, reset]);
}

export type Saving = {
  state: "idle" | "busy" | "saved";
  problem: FormProblem | null;
  /** The words about a field, for its `error`. */
  at: (field: string) => string | undefined;
  /** True when it was saved. */
  run: () => Promise<boolean>;
};

/** Runs `save` and tells how it went. `fields`: the columns that have a place in the form. */
export function useSaving(save: () => Promise<unknown>, fields: readonly string[] = []): Saving {
  const t = useSettingsWords();
  const [state, setState] = useState<Saving["state"]>("idle");
  const [problem, setProblem] = useState<FormProblem | null>(null);
  return {
    state,
    problem,
    at: (field) => (problem?.field === field ? problem.text : undefined),
    run: async () => {
      if (state === "busy") return false;
      setState("busy");
      setProblem(null);
      try {
        await save();
        setState("saved");
        return true;
      } catch (error) {
        setState("idle");
        setProblem(explain(error, fields, t));
        return false;
      }
    },
  };
}

/** A form with its button and what became of pressing it. Whoever goes away from what is not saved is asked first. */
export function Form({
  saving,
  isDirty,
  label,
  onCancel,
  children,
}: {
  saving: Saving;
  isDirty: boolean;
  /** Of the button; "Save" unless given. */
  label?: string | undefined;
  onCancel?: () => void;
  children: ReactNode;
}) {
  const t = useSettingsWords();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    // A form in a window inside a form (React passes events up through windows).
    event.stopPropagation();
    void saving.run();
  };
  const { problem, state } = saving;
  return (
    <form className={styles.form} onSubmit={submit}>
      {children}
      {problem && !problem.field && (
        <p className={styles.problem} role="alert">
          {problem.text}
        </p>
      )}
      <div className={styles.foot}>
        <Button type="submit" look="primary" busy={state === "busy"} disabled={!isDirty && state !== "busy"}>
          {label ?? t("save")}
        </Button>
        {onCancel && (
          <Button look="quiet" onClick={onCancel}>
            {t("cancel")}
          </Button>
        )}
        <span role="status" className={styles.saved}>
          {state === "saved" && !isDirty && (
            <>
              <Check aria-hidden />
              {t("saved")}
            </>
          )}
        </span>
      </div>
      <Leaving isDirty={isDirty && state !== "busy"} />
    </form>
  );
}

/** Asks before a page with unsaved changes is left. */
export function Leaving({ isDirty }: { isDirty: boolean }) {
  const t = useSettingsWords();
  const blocker = useBlocker(
    ({ currentLocation, nextLocation }) => isDirty && currentLocation.pathname !== nextLocation.pathname,
  );
  useEffect(() => {
    if (!isDirty) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, [isDirty]);
  if (blocker.state !== "blocked") return null;
  return (
    <div role="alertdialog" aria-label={t("unsaved")} className={styles.leaving}>
      <p>{t("unsaved")}</p>
      <Button small look="danger" onClick={() => blocker.proceed()}>
        {t("discard")}
      </Button>
      <Button small onClick={() => blocker.reset()} autoFocus>
        {t("keepEditing")}
      </Button>
    </div>
  );
}
