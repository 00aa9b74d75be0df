// Which page the address names, and what its query adds: a selection, a sort,
// pinned trials. All that a reader has set up is in the address.

import { signal } from "@preact/signals";

/** The views of a sweep, in the order of its tabs. */
export const tabs = ["overview", "board", "bracket", "parallel", "importance", "curves", "pareto", "timeline", "failures"] as const;

export type Tab = (typeof tabs)[number];

/** Pages that are loaded when they are first looked at; see pages.ts. */
export type LazyPage = "trial" | "compare" | "fleet" | "datasets" | "launch" | "models";

export type Route =
  | { page: "sweeps" }
  | { page: "sweep"; id: string; tab: Tab }
  | { page: "trial"; id: string; n: number }
  | { page: "compare" } // ?trials=SWEEP:3,SWEEP:5
  | { page: "fleet" }
  | { page: "datasets" } // ?name=NAME
  | { page: "launch" } // ?from=SWEEP
  | { page: "models" }
  | { page: "unknown" };

const plain: Record<string, Route> = {
  "": { page: "sweeps" },
  sweeps: { page: "sweeps" },
  compare: { page: "compare" },
  fleet: { page: "fleet" },
  datasets: { page: "datasets" },
  launch: { page: "launch" },
  models: { page: "models" },
};

export function routeOf(path: string): Route {
  let parts: string[];
  try {
    parts = path.replace(/^\/|\/$/g, "").split("/").map(decodeURIComponent);
  } catch {
    return { page: "unknown" }; // a broken escape
  }
  const [first = "", id = "", view = "overview", n] = parts;
  if (parts.length === 1) return plain[first] ?? { page: "unknown" };
  if (first !== "sweeps" || id === "") return { page: "unknown" };
  if (parts.length === 4 && view === "trials" && /^\d{1,10}$/.test(n ?? "")) return { page: "trial", id, n: Number(n) };
  if (parts.length <= 3 && (tabs as readonly string[]).includes(view)) return { page: "sweep", id, tab: view as Tab };
  return { page: "unknown" };
}

export const sweepHref = (id: string, tab: Tab = "overview"): string =>
  `/sweeps/${encodeURIComponent(id)}${tab === "overview" ? "" : `/${tab}`}`;
export const trialHref = (id: string, n: number): string => `/sweeps/${encodeURIComponent(id)}/trials/${n}`;
export const compareHref = (id: string, numbers: number[]): string =>
  `/compare?trials=${numbers.map((n) => `${encodeURIComponent(id)}:${n}`).join(",")}`;

export const route = signal<Route>({ page: "unknown" });

/** The query of the address. Read a key with .value.get(key); change with setQuery. */
export const query = signal(new URLSearchParams());

const read = (): void => {
  route.value = routeOf(location.pathname);
  query.value = new URLSearchParams(location.search);
};

/** Goes to an address inside the dashboard. */
export function go(href: string): void {
  if (href === location.pathname + location.search) return;
  const samePage = new URL(href, location.href).pathname.split("/").slice(0, 3).join("/") === location.pathname.split("/").slice(0, 3).join("/");
  history.pushState(null, "", href);
  read();
  if (samePage) return; // another tab of a sweep: the reader stays where the tabs are
  scrollTo(0, 0);
  document.getElementById("main")?.focus();
}

/** Changes keys of the query; null removes one. The page stays, and so does its place in the history. */
export function setQuery(changes: Record<string, string | null>): void {
  const next = new URLSearchParams(query.peek());
  for (const [key, value] of Object.entries(changes)) {
    if (value === null || value === "") next.delete(key);
    else next.set(key, value);
  }
  const text = next.toString();
  history.replaceState(null, "", location.pathname + (text === "" ? "" : `?${text}`));
  query.value = next;
}

/** Follows the address, and clicks on links inside the dashboard. */
export function startRouter(): void {
  read();
  addEventListener("popstate", read);
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    const plainClick = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (link === null || !plainClick || link.target !== "" || link.hasAttribute("download") || link.origin !== location.origin) return;
    if (link.hash !== "" || routeOf(link.pathname).page === "unknown") return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
}
