/** Writes conditions: questions, and groups of which all, one or none has to hold. It begins with `value` and tells every
 *  change; another condition to edit is another `key`. */
import { Button, IconButton, Select } from "@kit/ui";
import { FolderPlus, Plus, X } from "lucide-react";
import { useId, useState } from "react";
import {
  asked,
  type Condition,
  FIELDS,
  fromTree,
  type GroupNode,
  groupOf,
  isGroup,
  type Kind,
  type Mode,
  type Node,
  nodeOf,
  OPS_OF,
  type Op,
  type Question,
  type QuestionNode,
  toTree,
} from "./conditions";
import { spoken } from "./describe";
import styles from "./editor.module.css";
import { type Field, type Fields, useFields } from "./fields";
import { ValueEditor } from "./value";
import { useConditionWords } from "./words";

/** As deep as the database takes them. */
const DEEPEST = 5;
const GROUPS = ["ofTicket", "ofContact", "ofTimes", "ofCustom"] as const;

export function ConditionsEditor({
  value,
  onChange,
  label,
  error,
  forViews = false,
}: {
  value: Condition;
  onChange: (condition: Condition) => void;
  label: string;
  error?: string | undefined;
  /** "Me" and "my teams" can be asked. */
  forViews?: boolean;
}) {
  const fields = useFields(forViews);
  const [tree, setTree] = useState(() => toTree(value));
  const told = useId();
  const change = (next: Node) => {
    setTree(next as GroupNode);
    onChange(fromTree(next));
  };
  return (
    <fieldset className={styles.editor} aria-describedby={error ? told : undefined}>
      <legend className={styles.legend}>{label}</legend>
      <Group node={tree} depth={1} fields={fields} onChange={change} />
      {error && (
        <p id={told} role="alert" className={styles.error}>
          {error}
        </p>
      )}
    </fieldset>
  );
}

type PartProps<N extends Node> = {
  node: N;
  fields: Fields;
  onChange: (node: N) => void;
  onRemove?: () => void;
};

function Group({ node, depth, fields, onChange, onRemove }: PartProps<GroupNode> & { depth: number }) {
  const t = useConditionWords();
  const put = (part: Node) =>
    onChange({ ...node, parts: node.parts.map((each) => (each.id === part.id ? part : each)) });
  const add = (part: Node) => onChange({ ...node, parts: [...node.parts, part] });
  const remove = (id: number) => onChange({ ...node, parts: node.parts.filter((each) => each.id !== id) });
  const fresh = () => nodeOf({ field: "channel", op: "is", value: "" });
  return (
    <div className={styles.group} data-depth={depth}>
      {(node.parts.length > 1 || depth > 1 || node.mode !== "all") && (
        <div className={styles.head}>
          <Select
            label={t("mode")}
            hideLabel
            value={node.mode}
            onChange={(event) => onChange({ ...node, mode: event.target.value as Mode })}
          >
            {(["all", "any", "none"] as const).map((mode) => (
              <option key={mode} value={mode}>
                {t(`mode_${mode}`)}
              </option>
            ))}
          </Select>
          {onRemove && (
            <IconButton label={t("removeGroup")} onClick={onRemove}>
              <X />
            </IconButton>
          )}
        </div>
      )}
      {node.parts.length === 0 && depth === 1 && <p className={styles.hint}>{t("everyTicketHint")}</p>}
      {node.parts.map((part) =>
        isGroup(part) ? (
          <Group
            key={part.id}
            node={part}
            depth={depth + 1}
            fields={fields}
            onChange={put}
            onRemove={() => remove(part.id)}
          />
        ) : (
          <Asked key={part.id} node={part} fields={fields} onChange={put} onRemove={() => remove(part.id)} />
        ),
      )}
      <div className={styles.add}>
        <Button small onClick={() => add(fresh())}>
          <Plus aria-hidden />
          {t("addQuestion")}
        </Button>
        {depth < DEEPEST && (
          <Button small look="quiet" onClick={() => add(groupOf("any", [fresh()]))}>
            <FolderPlus aria-hidden />
            {t("addGroup")}
          </Button>
        )}
      </div>
    </div>
  );
}

function Asked({ node, fields, onChange, onRemove }: PartProps<QuestionNode>) {
  const t = useConditionWords();
  const { question } = node;
  const field = fields.by(question.field);
  const kind = kindOf(field, question);
  const ask = (change: { field?: string; op?: Op }) => {
    const next = change.field ? fields.by(change.field) : field;
    onChange({ ...node, question: asked(question, change, next.kind) });
  };
  return (
    <div className={styles.question}>
      <Select
        label={t("field")}
        hideLabel
        value={question.field}
        onChange={(event) => ask({ field: event.target.value })}
      >
        {!fields.all.includes(field) && <option value={field.name}>{field.label}</option>}
        {GROUPS.map((group) => {
          const found = fields.all.filter((each) => each.group === group);
          return (
            found.length > 0 && (
              <optgroup key={group} label={t(group)}>
                {found.map((each) => (
                  <option key={each.name} value={each.name}>
                    {each.label}
                  </option>
                ))}
              </optgroup>
            )
          );
        })}
      </Select>
      <Select
        label={t("op")}
        hideLabel
        value={question.op}
        onChange={(event) => ask({ op: event.target.value as Op })}
      >
        {OPS_OF[kind].map((op) => (
          <option key={op} value={op}>
            {t(`op_${kind === "list" ? hasOrNot(op) : spoken(op, kind)}`)}
          </option>
        ))}
      </Select>
      <ValueEditor
        question={question}
        field={field}
        onChange={(value) => onChange({ ...node, question: { ...question, value } })}
      />
      <IconButton label={t("removeQuestion")} onClick={onRemove}>
        <X />
      </IconButton>
    </div>
  );
}

const hasOrNot = (op: Op) =>
  op === "contains" ? ("has" as const) : op === "not_contains" ? ("has_not" as const) : (op as "is_set");

/** A choice that is asked as a text ("contains"), as programs may write it, stays one. */
const kindOf = (field: Field, { op }: Question): Kind =>
  OPS_OF[field.kind].includes(op) ? field.kind : field.name in FIELDS ? "text" : field.kind;
