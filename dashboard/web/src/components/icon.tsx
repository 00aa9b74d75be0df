// Small line drawings on a 16 × 16 grid, in the colour of the text.

import type { JSX } from "preact";

// Drawings are made anew each time: an element that is drawn twice would hold
// the page as it was at its first drawing, and that page all before it.
const line = (d: string) => (): JSX.Element => <path d={d} />;
const disc = (): JSX.Element => <circle cx="8" cy="8" r="3.5" fill="currentColor" stroke="none" />;
const ring = (): JSX.Element => <circle cx="8" cy="8" r="4.5" />;

const drawings = {
  bracket: line("M1.5 3.5h4.5v4.5H9M1.5 12.5h4.5V8M9 8h5.5"),
  crown: line("M2.5 12.5h11M2.5 10 2 4.5l3.2 2.3L8 3l2.8 3.8L14 4.5l-.5 5.5z"),
  seal: line("M4 7.5h8v6H4zM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5"),
  sun: line("M8 5.2a2.8 2.8 0 1 1 0 5.6 2.8 2.8 0 0 1 0-5.6zM8 1v1.4M8 13.6V15M1 8h1.4M13.6 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1"),
  moon: line("M13.5 9.6A5.8 5.8 0 0 1 6.4 2.5a5.8 5.8 0 1 0 7.1 7.1z"),
  pin: line("M5.5 2h5M6.5 2v4.5L4.5 9h7l-2-2.5V2M8 9v5"),
  cut: line("M2 8h3M11 8h3M7 5l2 6"),
  created: ring,
  queued: ring,
  running: disc,
  paused: line("M5.5 4v8M10.5 4v8"),
  finishing: line("M4 14V2.5h8L10 5.5l2 3H4"),
  completed: line("M3 8.5l3.2 3.2L13 5"),
  pruned: line("M4 8h8"),
  diverged: line("M2 12l3-3 2.5 2L13 3.5M9.5 3.5H13V7"),
  failed: line("M4.5 4.5l7 7M11.5 4.5l-7 7"),
  cancelled: () => (
    <>
      <circle cx="8" cy="8" r="5" />
      <path d="M4.6 11.4l6.8-6.8" />
    </>
  ),
};

export type IconName = keyof typeof drawings;

export function Icon({ name, size = 14 }: { name: IconName; size?: number }) {
  return (
    <svg
      class={`icon icon-${name}`}
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      stroke-width="1.6"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      {drawings[name]()}
    </svg>
  );
}
