/** What was said in a room, the newest below; what is being said stands under it until the desk has it. */
import { Button, Failure, Skeleton } from "@kit/ui";
import { Fragment, useEffect, useLayoutEffect, useRef } from "react";
import { DayLine } from "./day_line";
import { type useMessages, usePending, useSay } from "./messages";
import { type Room, useRoomName } from "./room";
import styles from "./rooms.module.css";
import { PendingRow, SaidRow } from "./said_row";
import { useRoomWords } from "./words";

type Props = { room: Room; messages: ReturnType<typeof useMessages>; cameAt: number | null };
/** So near to the end counts as the end: what is new is scrolled to. */
const NEAR_PX = 120;
/** What one person says within this time stands together. */
const TOGETHER_MS = 5 * 60_000;

export function Talk({ room, messages, cameAt }: Props) {
  const t = useRoomWords();
  const nameOf = useRoomName();
  const pending = usePending(room.id);
  const { again, drop } = useSay(room.id);
  const scroller = useRef<HTMLDivElement>(null);
  const wasNear = useRef(true);
  const oldHeight = useRef(0);
  const all = (messages.data?.pages.flat() ?? []).toReversed();
  const first = all[0]?.seq;
  const last = all.at(-1)?.seq ?? 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: what came last is what is scrolled to
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element && wasNear.current) element.scrollTop = element.scrollHeight;
  }, [last, pending.length]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: earlier messages come in above what is looked at
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    if (!wasNear.current && oldHeight.current) element.scrollTop += element.scrollHeight - oldHeight.current;
    oldHeight.current = element.scrollHeight;
  }, [first]);
  useEffect(() => {
    if (scroller.current) oldHeight.current = scroller.current.scrollHeight;
  });
  if (messages.error && !messages.data)
    return <Failure error={messages.error} onRetry={() => void messages.refetch()} />;
  if (!messages.data) return <Skeleton lines={6} />;
  return (
    <div
      ref={scroller}
      className={styles.talk}
      role="log"
      aria-label={nameOf(room)}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys
      tabIndex={0}
      onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
        wasNear.current = scrollHeight - scrollTop - clientHeight < NEAR_PX;
      }}
    >
      {messages.hasNextPage ? (
        <Button
          small
          className={styles.earlier}
          busy={messages.isFetchingNextPage}
          onClick={() => void messages.fetchNextPage()}
        >
          {t("earlier")}
        </Button>
      ) : (
        <p className={styles.begins}>{t("begins", { room: nameOf(room) })}</p>
      )}
      {all.map((said, at) => {
        const before = all[at - 1];
        const isNewDay =
          !before || new Date(before.created_at).toDateString() !== new Date(said.created_at).toDateString();
        const isNew = cameAt !== null && said.seq > cameAt && (before?.seq ?? 0) <= cameAt && cameAt > 0;
        const isFollowing =
          !isNewDay &&
          !isNew &&
          before?.user_id === said.user_id &&
          Date.parse(said.created_at) - Date.parse(before.created_at) < TOGETHER_MS;
        return (
          <Fragment key={said.id}>
            {isNewDay && <DayLine at={said.created_at} />}
            {isNew && <p className={styles.newLine}>{t("newHere")}</p>}
            <SaidRow said={said} isFollowing={isFollowing} />
          </Fragment>
        );
      })}
      {pending.map((each) => (
        <PendingRow key={each.key} pending={each} onAgain={() => again(each)} onDrop={() => drop(each.key)} />
      ))}
    </div>
  );
}
