import { Button } from "@kit/ui";
import { Check, Copy } from "lucide-react";
import { useState } from "react";
import styles from "./records.module.css";

const TOLD_MS = 2_000;

/** Puts a text where it can be pasted from, and says so for a moment. */
export function CopyButton({ text, label, copied }: { text: string; label: string; copied: string }) {
  const [isCopied, setCopied] = useState(false);
  return (
    <Button
      small
      look="quiet"
      onClick={async () => {
        await navigator.clipboard.writeText(text);
        setCopied(true);
        setTimeout(() => setCopied(false), TOLD_MS);
      }}
    >
      {isCopied ? (
        <Check aria-hidden className={styles.plus} />
      ) : (
        <Copy aria-hidden className={styles.plus} />
      )}
      <span role="status">{isCopied ? copied : label}</span>
    </Button>
  );
}
