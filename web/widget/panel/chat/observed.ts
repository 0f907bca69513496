/** A value that is looked at: who looks is told when it changes. */
export type Observed<T> = {
  get: () => T;
  change: (part: Partial<T>) => void;
  watch: (hear: () => void) => () => void;
};

export function observed<T extends object>(first: T): Observed<T> {
  const hearers = new Set<() => void>();
  let value = first;
  return {
    get: () => value,
    change: (part) => {
      value = { ...value, ...part };
      for (const hear of hearers) hear();
    },
    watch: (hear) => {
      hearers.add(hear);
      return () => hearers.delete(hear);
    },
  };
}
