// The design's 16 px line icons; drawn as nodes, so that no sprite has to stand in the page.

const PATHS = {
  ask: "M13.8 8A5.8 5.8 0 1 1 2.2 8a5.8 5.8 0 0 1 11.6 0M6.3 6.3a1.8 1.8 0 1 1 2.6 1.6c-.6.3-.9.7-.9 1.4M8 11.4v.2",
  check: "m3 8.5 3.3 3.3L13 4.8",
  chev: "m4 6 4 4 4-4",
  clock: "M13.6 8A5.6 5.6 0 1 1 2.4 8a5.6 5.6 0 0 1 11.2 0M8 4.8V8l2.2 1.6",
  copy: "M6.2 5h5.6A1.2 1.2 0 0 1 13 6.2v6.6a1.2 1.2 0 0 1-1.2 1.2H6.2A1.2 1.2 0 0 1 5 12.8V6.2A1.2 1.2 0 0 1 6.2 5M11 5V3.2A1.2 1.2 0 0 0 9.8 2H4.2A1.2 1.2 0 0 0 3 3.2v7.6A1.2 1.2 0 0 0 4.2 12H5",
  hand: "M5.5 2h5L14 5.500v5L10.500 14h-5L2 10.500v-5zM8 5v3.600M8 10.800v.3",
  lock: "M4.5 7h7a1 1 0 0 1 1 1v4.5a1 1 0 0 1-1 1h-7a1 1 0 0 1-1-1V8a1 1 0 0 1 1-1M5.5 7V5a2.5 2.5 0 0 1 5 0v2",
  menu: "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
  next: "m6 3.5 4.5 4.5L6 12.5",
  off: "M13.6 8A5.6 5.6 0 1 1 2.4 8a5.6 5.6 0 0 1 11.2 0M4.2 4.2l7.6 7.6",
  prev: "m10 3.5-4.5 4.5 4.5 4.5",
  redo: "M13 5.5A5.4 5.4 0 1 0 13.4 9M13.2 2v3.6H9.6",
  search: "M11.3 7a4.3 4.3 0 1 1-8.6 0 4.3 4.3 0 0 1 8.6 0M10.3 10.3l3.4 3.4",
  send: "M8 13V3M3.8 7.2 8 3l4.2 4.2",
  warn: "M8 2.2 14.6 13.5H1.4zM8 6.3v3.6M8 11.4v.6",
  x: "m3.5 3.5 9 9m0-9-9 9",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({
  name,
  small = false,
  extra = "",
}: {
  name: IconName;
  small?: boolean;
  extra?: string;
}) {
  return (
    <svg class={`ic${small ? " sm" : ""}${extra && ` ${extra}`}`} viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
