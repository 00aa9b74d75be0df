// Which page the address names.

import { signal } from "@preact/signals";

export type Route = { page: "sweeps" } | { page: "sweep"; id: string } | { page: "unknown" };

export function routeOf(path: string): Route {
  if (path === "/" || path === "/sweeps" || path === "/sweeps/") return { page: "sweeps" };
  const match = /^\/sweeps\/([^/]+)\/?$/.exec(path);
  if (match?.[1] === undefined) return { page: "unknown" };
  try {
    return { page: "sweep", id: decodeURIComponent(match[1]) };
  } catch {
    return { page: "unknown" }; // a broken escape
  }
}

export const sweepHref = (id: string): string => `/sweeps/${encodeURIComponent(id)}`;

export const route = signal<Route>({ page: "unknown" });

const read = (): void => {
  route.value = routeOf(location.pathname);
};

/** Follows the address, and clicks on links inside the dashboard. */
export function startRouter(): void {
  read();
  addEventListener("popstate", read);
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (link === null || !plain || link.target !== "" || link.origin !== location.origin) return;
    if (link.hash !== "" || routeOf(link.pathname).page === "unknown") return;
    event.preventDefault();
    if (link.pathname === location.pathname) return;
    history.pushState(null, "", link.pathname);
    read();
    scrollTo(0, 0);
    document.getElementById("main")?.focus();
  });
}
