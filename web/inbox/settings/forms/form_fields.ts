/** Questions of a form, as sql/61_action_templates.sql has them. */
export const TYPES = [
  "text",
  "number",
  "boolean",
  "date",
  "select",
  "multiselect",
  "url",
  "email",
  "phone",
] as const;
export type FormFieldType = (typeof TYPES)[number];
export type FormField = {
  key: string;
  label: string;
  type: FormFieldType;
  required?: boolean;
  options?: string[];
  help?: string;
  maps_to?: string;
};
/** A question as it is moved about while it is written. */
export type Asked = { id: number; field: FormField };

let lastId = 0;
export const askedOf = (field: FormField): Asked => ({ id: ++lastId, field });

/** Another key for each new question. */
export function freshField(others: FormField[]): FormField {
  let number = others.length + 1;
  while (others.some((each) => each.key === `question_${number}`)) number += 1;
  return { key: `question_${number}`, label: "", type: "text" };
}

/** With what its type allows, and nothing that is empty. */
export function tidy({ options, help, maps_to, ...field }: FormField): FormField {
  return {
    ...field,
    ...(field.type.endsWith("select") ? { options: options ?? [] } : {}),
    ...(help ? { help } : {}),
    ...(maps_to ? { maps_to } : {}),
  };
}
