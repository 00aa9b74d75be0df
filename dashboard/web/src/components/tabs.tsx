// The views of a sweep: links, since each has an address of its own.

import { sweepHref, query, type Tab } from "../router";

const names: Record<Tab, string> = {
  overview: "Overview",
  board: "Board",
  bracket: "Bracket",
  parallel: "Parallel",
  importance: "Parameters",
  curves: "Curves",
  pareto: "Pareto",
  timeline: "Timeline",
  failures: "Failures",
};

/** Links to the views; the selection goes along. */
export function Tabs({ id, now, shown, counts }: { id: string; now: Tab; shown: readonly Tab[]; counts: Partial<Record<Tab, number>> }) {
  const kept = new URLSearchParams();
  for (const key of ["where", "pin"]) {
    const value = query.value.get(key);
    if (value !== null) kept.set(key, value);
  }
  const search = kept.size > 0 ? `?${kept}` : "";
  return (
    <nav class="tabs" aria-label="Views of the sweep">
      {shown.map((tab) => (
        <a key={tab} href={sweepHref(id, tab) + search} aria-current={tab === now ? "page" : undefined}>
          {names[tab]}
          {counts[tab] !== undefined && counts[tab] > 0 && <span class="tab-count">{counts[tab] > 999 ? "999+" : counts[tab]}</span>}
        </a>
      ))}
    </nav>
  );
}
