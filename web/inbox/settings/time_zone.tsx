import { TextField } from "@kit/ui";
import { useId } from "react";

const ZONES = Intl.supportedValuesOf("timeZone");

/** A name of the IANA database, offered while one writes. */
export function TimeZoneField({
  label,
  value,
  onChange,
  hint,
  error,
  placeholder,
}: {
  label: string;
  value: string;
  onChange: (zone: string) => void;
  hint?: string;
  error?: string | undefined;
  placeholder?: string;
}) {
  const list = useId();
  return (
    <>
      <TextField
        label={label}
        hint={hint}
        error={error}
        placeholder={placeholder}
        list={list}
        autoComplete="off"
        value={value}
        onChange={(event) => onChange(event.target.value)}
      />
      <datalist id={list}>
        {ZONES.map((zone) => (
          <option key={zone} value={zone} />
        ))}
      </datalist>
    </>
  );
}
