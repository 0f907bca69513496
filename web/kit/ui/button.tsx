import type { ButtonHTMLAttributes, ReactNode } from "react";
import styles from "./button.module.css";
import { Tooltip } from "./tooltip";

type Look = "primary" | "plain" | "quiet" | "danger";
type Props = ButtonHTMLAttributes<HTMLButtonElement> & { look?: Look; busy?: boolean; small?: boolean };

/** `busy`: what it started is under way; it stays focusable, and pressing it again does nothing. */
export function Button({
  look = "plain",
  busy = false,
  small = false,
  className,
  onClick,
  children,
  ...rest
}: Props) {
  return (
    <button
      type="button"
      {...rest}
      className={[styles.button, styles[look], small && styles.small, className].filter(Boolean).join(" ")}
      aria-disabled={busy || rest["aria-disabled"] || undefined}
      aria-busy={busy || undefined}
      onClick={busy ? (event) => event.preventDefault() : onClick}
    >
      {children}
    </button>
  );
}

/** A picture for a word: `label` is read out and shown when pointed at. `keys`: its shortcut. */
export function IconButton({
  label,
  keys,
  children,
  ...rest
}: Omit<Props, "aria-label"> & { label: string; keys?: string; children: ReactNode }) {
  return (
    <Tooltip text={label} keys={keys}>
      <Button
        look="quiet"
        {...rest}
        aria-label={label}
        className={[styles.icon, rest.className].filter(Boolean).join(" ")}
      >
        {children}
      </Button>
    </Tooltip>
  );
}
