/** Drawings of the panel, in lines of 24 by 24. */
const LINES = {
  close: "M6 6l12 12M18 6 6 18",
  back: "M15 5l-7 7 7 7",
  send: "M5 12h13M12 5.5 18.5 12 12 18.5",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM20 20l-4-4",
  page: "M7 3.5h7l4 4v13H7zM14 3.5v4h4M10 12h5M10 16h5",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4.5 20.5c.6-4 3.6-6 7.5-6s6.900 2 7.500 6",
  spark: "M12 4l1.800 5.200L19 11l-5.200 1.800L12 18l-1.800-5.200L5 11l5.200-1.800z",
  file: "M8 12.500l5.500-5.500a3 3 0 0 1 4.300 4.300l-7.500 7.500a4.800 4.800 0 0 1-6.800-6.800l7-7",
  star: "M12 4.500l2.300 4.900 5.200.700-3.800 3.700 1 5.300-4.700-2.600-4.700 2.600 1-5.300-3.800-3.700 5.200-.700z",
} as const;

export function Icon({ name }: { name: keyof typeof LINES }) {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 24 24" aria-hidden="true">
      <path d={LINES[name]} />
    </svg>
  );
}
