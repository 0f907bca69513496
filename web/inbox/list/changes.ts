/** Which tickets events have told of, in order: each list mends itself by what came since it last looked, whether it was
 *  shown meanwhile or not. */
type Log = { ids: string[]; dropped: number; heard: Set<() => void> };

/** As many as a list would mend rather than be read anew. */
const REMEMBERED = 500;
const logs = new Map<string, Log>();

const logOf = (organizationId: string): Log => {
  const log = logs.get(organizationId) ?? { ids: [], dropped: 0, heard: new Set<() => void>() };
  logs.set(organizationId, log);
  return log;
};

export function noteChanges(organizationId: string, ticketIds: readonly string[]): void {
  if (ticketIds.length === 0) return;
  const log = logOf(organizationId);
  log.ids.push(...ticketIds);
  const over = log.ids.length - REMEMBERED;
  if (over > 0) {
    log.ids.splice(0, over);
    log.dropped += over;
  }
  for (const each of log.heard) each();
}

/** Everything may have changed. */
export function noteReload(organizationId: string): void {
  const log = logOf(organizationId);
  log.dropped += log.ids.length + 1;
  log.ids = [];
  for (const each of log.heard) each();
}

export function onChanges(organizationId: string, heard: () => void): () => void {
  const log = logOf(organizationId);
  log.heard.add(heard);
  return () => void log.heard.delete(heard);
}

/** Where the log ends now. */
export const changesEnd = (organizationId: string): number => {
  const log = logOf(organizationId);
  return log.dropped + log.ids.length;
};

/** The tickets that changed since; null when that is not known any more. */
export function changesSince(organizationId: string, since: number): string[] | null {
  const log = logOf(organizationId);
  if (since < log.dropped) return null;
  return [...new Set(log.ids.slice(since - log.dropped))];
}
