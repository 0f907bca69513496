import {
  autoUpdate,
  FloatingFocusManager,
  FloatingList,
  FloatingPortal,
  flip,
  offset,
  shift,
  size,
  useClick,
  useDismiss,
  useFloating,
  useInteractions,
  useListItem,
  useListNavigation,
  useRole,
  useTypeahead,
} from "@floating-ui/react";
import { Check } from "lucide-react";
import {
  cloneElement,
  createContext,
  type HTMLProps,
  type ReactElement,
  type ReactNode,
  useContext,
  useRef,
  useState,
} from "react";
import styles from "./menu.module.css";

type Inner = {
  active: number | null;
  close: () => void;
  item: (props: HTMLProps<HTMLElement>) => Record<string, unknown>;
};
const Given = createContext<Inner>({ active: null, close: () => {}, item: (props) => ({ ...props }) });

/** A button that opens a list of things to do or to choose. `trigger` is a Button or IconButton. */
export function Menu({
  trigger,
  children,
}: {
  trigger: ReactElement<HTMLProps<HTMLElement>>;
  children: ReactNode;
}) {
  const [open, setOpen] = useState(false);
  const [active, setActive] = useState<number | null>(null);
  const elements = useRef<(HTMLElement | null)[]>([]);
  const labels = useRef<(string | null)[]>([]);
  const { refs, floatingStyles, context } = useFloating({
    open,
    onOpenChange: setOpen,
    placement: "bottom-start",
    middleware: [
      offset(4),
      flip(),
      shift({ padding: 8 }),
      size({
        apply: ({ availableHeight, elements: { floating } }) => {
          floating.style.maxHeight = `${Math.min(availableHeight - 8, 420)}px`;
        },
      }),
    ],
    whileElementsMounted: autoUpdate,
  });
  const { getReferenceProps, getFloatingProps, getItemProps } = useInteractions([
    useClick(context),
    useDismiss(context),
    useRole(context, { role: "menu" }),
    useListNavigation(context, { listRef: elements, activeIndex: active, onNavigate: setActive, loop: true }),
    useTypeahead(context, { listRef: labels, activeIndex: active, onMatch: setActive }),
  ]);
  return (
    <>
      {cloneElement(trigger, getReferenceProps({ ...trigger.props, ref: refs.setReference }))}
      {open && (
        <FloatingPortal>
          <FloatingFocusManager context={context} modal={false}>
            <div
              ref={refs.setFloating}
              className={styles.menu}
              style={floatingStyles}
              {...getFloatingProps()}
            >
              <Given.Provider value={{ active, close: () => setOpen(false), item: getItemProps }}>
                <FloatingList elementsRef={elements} labelsRef={labels}>
                  {children}
                </FloatingList>
              </Given.Provider>
            </div>
          </FloatingFocusManager>
        </FloatingPortal>
      )}
    </>
  );
}

type ItemProps = {
  label: string;
  icon?: ReactNode;
  hint?: string;
  checked?: boolean;
  danger?: boolean;
  onSelect: () => void;
};

/** `checked` makes it a choice among others of the menu. */
export function MenuItem({ label, icon, hint, checked, danger, onSelect }: ItemProps) {
  const menu = useContext(Given);
  const { ref, index } = useListItem({ label });
  const role =
    checked === undefined ? { role: "menuitem" } : { role: "menuitemradio", "aria-checked": checked };
  return (
    <button
      {...menu.item({
        onClick: () => {
          menu.close();
          onSelect();
        },
      })}
      ref={ref}
      type="button"
      {...role}
      tabIndex={menu.active === index ? 0 : -1}
      className={[styles.item, danger && styles.danger].filter(Boolean).join(" ")}
    >
      <span className={styles.icon} aria-hidden>
        {checked ? <Check /> : icon}
      </span>
      <span className={styles.label}>{label}</span>
      {hint && <span className={styles.hint}>{hint}</span>}
    </button>
  );
}

export const MenuLine = () => <hr className={styles.line} />;
