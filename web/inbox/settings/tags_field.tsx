import { TextField } from "@kit/ui";
import { useState } from "react";

/** A list of short texts, written with commas between. What is typed stays as it is typed. */
export function TagsField({
  label,
  hint,
  value,
  error,
  onChange,
}: {
  label: string;
  hint?: string;
  value: readonly string[];
  error?: string | undefined;
  onChange: (values: string[]) => void;
}) {
  const [typed, setTyped] = useState(() => value.join(", "));
  return (
    <TextField
      label={label}
      hint={hint}
      error={error}
      value={typed}
      onChange={(event) => {
        setTyped(event.target.value);
        onChange(read(event.target.value));
      }}
    />
  );
}

const read = (text: string) => [
  ...new Set(
    text
      .split(/[,،\n]/)
      .map((each) => each.trim())
      .filter(Boolean),
  ),
];
