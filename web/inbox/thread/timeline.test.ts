import { expect, it } from "vitest";
import type { Happening, Message } from "./messages";
import { timelineOf } from "./timeline";

const message = (id: string, seq: number, minute: number, more: Partial<Message> = {}): Message => ({
  id,
  seq,
  sender: "contact",
  contact_id: "ann",
  member_id: null,
  is_internal: false,
  is_machine: false,
  is_verified: true,
  sender_status: "known",
  body_text: id,
  reply_text: null,
  body_html: null,
  created_at: new Date(2026, 0, 5, 12, minute).toISOString(),
  attachments: [],
  ...more,
});
const event = (
  id: string,
  minute: number,
  type = "ticket.assigned",
  data: Happening["data"] = {},
): Happening => ({
  id,
  type,
  subject_id: "t",
  actor_id: null,
  data,
  created_at: new Date(2026, 0, 5, 12, minute).toISOString(),
});
const kinds = (pages: Parameters<typeof timelineOf>[0], read: number | null = null) =>
  timelineOf(pages, read, "me").map((each) =>
    each.kind === "message"
      ? `${each.message.id}${each.isContinued ? "+" : ""}`
      : each.kind === "events"
        ? each.events.map(({ id }) => id).join(",")
        : each.kind,
  );

it("puts pages, newest first, into the order of time with what happened between", () => {
  const newest = { messages: [message("d", 4, 30), message("c", 3, 9)], events: [event("e", 31)], from: "c" };
  const older = {
    messages: [message("b", 2, 2), message("a", 1, 1)],
    events: [event("b2", 4), event("b1", 3), event("b0", 3, "ticket.updated", { status: "open" })],
    from: null,
  };
  expect(kinds([newest, older])).toEqual(["day", "a", "b+", "b1,b2", "c", "d", "e"]);
});

it("draws one line above what is new, and none where everything is", () => {
  const page = {
    messages: [
      message("c", 3, 3),
      message("b", 2, 2, { member_id: "me", sender: "member" }),
      message("a", 1, 1),
    ],
    events: [],
    from: null,
  };
  expect(kinds([page], 1)).toEqual(["day", "a", "b", "new", "c"]);
  expect(kinds([page], null)).not.toContain("new");
  expect(kinds([page], 3)).not.toContain("new");
});
