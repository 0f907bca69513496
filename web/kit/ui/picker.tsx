import {
  autoUpdate,
  FloatingFocusManager,
  FloatingPortal,
  flip,
  offset,
  shift,
  size,
  useClick,
  useDismiss,
  useFloating,
  useInteractions,
  useRole,
} from "@floating-ui/react";
import { Check } from "lucide-react";
import {
  cloneElement,
  type HTMLProps,
  type KeyboardEvent,
  type ReactElement,
  type ReactNode,
  useEffect,
  useId,
  useMemo,
  useRef,
  useState,
} from "react";
import styles from "./picker.module.css";

export type Choice = {
  id: string;
  label: string;
  /** Found by these as well. */
  also?: string;
  hint?: string;
  icon?: ReactNode;
  group?: string;
  checked?: boolean;
};

type Props = {
  /** A Button or IconButton; its `aria-label` says what is chosen. */
  trigger: ReactElement<HTMLProps<HTMLElement>>;
  open: boolean;
  onOpen: (open: boolean) => void;
  label: string;
  /** In the input, while nothing is typed. */
  placeholder: string;
  none: string;
  choices: Choice[];
  onPick: (choice: Choice) => void;
  /** Stays open after a choice. */
  multiple?: boolean;
  /** The choices are looked up by whoever renders this: nothing is left out here. */
  onQuery?: (query: string) => void;
  /** Offers to make what was typed where nothing is called so. */
  making?: { label: (query: string) => string; make: (query: string) => void };
};

/** A button that opens a list to choose from by typing: a combobox above its listbox. */
export function Picker({ trigger, open, onOpen, ...rest }: Props) {
  const { refs, floatingStyles, context } = useFloating({
    open,
    onOpenChange: onOpen,
    placement: "bottom-start",
    // A modal window clips and silences what is outside of it: there the list is placed in the window itself.
    strategy: "fixed",
    middleware: [
      offset(4),
      flip(),
      shift({ padding: 8 }),
      size({
        apply: ({ availableHeight, elements: { floating } }) => {
          floating.style.maxHeight = `${Math.min(availableHeight - 8, 380)}px`;
        },
      }),
    ],
    whileElementsMounted: autoUpdate,
  });
  const { getReferenceProps, getFloatingProps } = useInteractions([
    useClick(context),
    useDismiss(context),
    useRole(context, { role: "dialog" }),
  ]);
  const root = (refs.domReference.current?.closest("dialog") as HTMLElement | null) ?? undefined;
  return (
    <>
      {cloneElement(trigger, getReferenceProps({ ...trigger.props, ref: refs.setReference }))}
      {open && (
        <FloatingPortal root={root}>
          <FloatingFocusManager context={context} modal={false}>
            <div
              ref={refs.setFloating}
              className={styles.popover}
              style={floatingStyles}
              {...getFloatingProps({ "aria-label": rest.label })}
            >
              <Choices {...rest} close={() => onOpen(false)} />
            </div>
          </FloatingFocusManager>
        </FloatingPortal>
      )}
    </>
  );
}

function Choices({
  label,
  placeholder,
  none,
  choices,
  onPick,
  multiple,
  onQuery,
  making,
  close,
}: Omit<Props, "trigger" | "open" | "onOpen"> & { close: () => void }) {
  const [query, setQuery] = useState("");
  const [active, setActive] = useState(0);
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const found = useMemo(() => (onQuery ? choices : matching(choices, query)), [choices, query, onQuery]);
  const typed = query.trim();
  const canMake = making && typed && !choices.some((each) => same(each.label, typed));
  const shown: (Choice | null)[] = canMake ? [...found, null] : found;
  useEffect(() => {
    list.current?.querySelector(`[data-at="${active}"]`)?.scrollIntoView({ block: "nearest" });
  }, [active]);
  const pick = (at: number) => {
    const choice = shown[at];
    if (choice === undefined) return;
    if (choice === null) making?.make(typed);
    else onPick(choice);
    if (!multiple) close();
    else if (query) {
      setQuery("");
      setActive(0);
    }
  };
  const press = (event: KeyboardEvent) => {
    const last = shown.length - 1;
    if (event.key === "ArrowDown") setActive((at) => (at >= last ? 0 : at + 1));
    else if (event.key === "ArrowUp") setActive((at) => (at <= 0 ? last : at - 1));
    else if (event.key === "Enter") pick(active);
    // Taken here, it does not close the window that this stands in as well.
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
  };
  return (
    <>
      <input
        className={styles.query}
        role="combobox"
        aria-label={label}
        aria-expanded="true"
        aria-controls={id}
        aria-autocomplete="list"
        aria-activedescendant={shown.length ? `${id}-${active}` : undefined}
        placeholder={placeholder}
        value={query}
        onChange={({ target }) => {
          setQuery(target.value);
          setActive(0);
          onQuery?.(target.value);
        }}
        onKeyDown={press}
      />
      <div
        className={styles.list}
        // What is typed next goes on where it was.
        onMouseDown={(event) => event.preventDefault()}
        role="listbox"
        id={id}
        aria-label={label}
        aria-multiselectable={multiple}
        ref={list}
      >
        {shown.map((choice, at) => (
          <div key={choice?.id ?? "make"} role="presentation">
            {choice?.group && choice.group !== shown[at - 1]?.group && (
              <div className={styles.group} role="presentation">
                {choice.group}
              </div>
            )}
            {/* biome-ignore lint/a11y/useKeyWithClickEvents: keys are the combobox's */}
            {/* biome-ignore lint/a11y/useFocusableInteractive: as above */}
            <div
              className={styles.option}
              role="option"
              id={`${id}-${at}`}
              data-at={at}
              data-active={at === active}
              aria-selected={multiple || choice?.checked !== undefined ? !!choice?.checked : at === active}
              onClick={() => pick(at)}
              onPointerMove={() => setActive(at)}
            >
              {choice?.icon && (
                <span className={styles.icon} aria-hidden>
                  {choice.icon}
                </span>
              )}
              <span className={styles.label}>{choice ? choice.label : making?.label(typed)}</span>
              {choice?.hint && <span className={styles.hint}>{choice.hint}</span>}
              <span className={styles.check} aria-hidden>
                {choice?.checked && <Check />}
              </span>
            </div>
          </div>
        ))}
      </div>
      {shown.length === 0 && (
        <p role="status" className={styles.none}>
          {none}
        </p>
      )}
    </>
  );
}

const same = (one: string, other: string) => one.toLocaleLowerCase() === other.toLocaleLowerCase();

/** All words typed begin a word of the label (or of what it is also called). */
function matching(choices: Choice[], query: string): Choice[] {
  const wanted = query.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  if (wanted.length === 0) return choices;
  return choices.filter(({ label, also = "" }) => {
    const words = ` ${label} ${also}`.toLocaleLowerCase();
    return wanted.every((word) => words.includes(word));
  });
}
