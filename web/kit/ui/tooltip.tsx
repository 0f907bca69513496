import {
  autoUpdate,
  FloatingPortal,
  flip,
  offset,
  shift,
  useDismiss,
  useFloating,
  useFocus,
  useHover,
  useInteractions,
  useMergeRefs,
  useRole,
} from "@floating-ui/react";
import { cloneElement, type HTMLProps, type ReactElement, useState } from "react";
import styles from "./tooltip.module.css";

/** A word or two beside what is pointed at or focused. Never the only place where something is said. */
export function Tooltip({
  text,
  keys,
  children,
}: {
  text: string;
  keys?: string | undefined;
  children: ReactElement<HTMLProps<HTMLElement>>;
}) {
  const [open, setOpen] = useState(false);
  const { refs, floatingStyles, context } = useFloating({
    open,
    onOpenChange: setOpen,
    placement: "bottom",
    middleware: [offset(6), flip(), shift({ padding: 8 })],
    whileElementsMounted: autoUpdate,
  });
  const { getReferenceProps, getFloatingProps } = useInteractions([
    useHover(context, { delay: { open: 400 }, move: false, mouseOnly: true }),
    useFocus(context),
    useDismiss(context, { referencePress: true }),
    useRole(context, { role: "tooltip" }),
  ]);
  // What it stands in (a menu) holds the same element.
  const ref = useMergeRefs([refs.setReference, children.props.ref ?? null]);
  return (
    <>
      {cloneElement(children, getReferenceProps({ ...children.props, ref }))}
      {open && (
        <FloatingPortal>
          <div
            ref={refs.setFloating}
            className={styles.tooltip}
            style={floatingStyles}
            {...getFloatingProps()}
          >
            {text}
            {keys && <kbd>{keys}</kbd>}
          </div>
        </FloatingPortal>
      )}
    </>
  );
}
