// The pages that are loaded when they are first looked at. A page is a file
// src/pages/NAME.tsx whose default export takes the route; the navigation
// offers those that are there.

import type { ComponentType } from "preact";
import type { LazyPage, Route } from "./router";

export interface PageProps {
  route: Route;
}

type Module = { default: ComponentType<PageProps> };

const files = import.meta.glob<Module>("./pages/{trial,compare,fleet,datasets,launch,models}.tsx");

/** Loads a page, or undefined where there is none of that name. */
export const lazyPages: Partial<Record<LazyPage, () => Promise<Module>>> = Object.fromEntries(
  Object.entries(files).map(([path, load]) => [path.slice("./pages/".length, -".tsx".length), load]),
);

export const hasPage = (name: string): boolean => name === "sweeps" || name in lazyPages;

/** What the navigation offers, in order. Trials and comparisons are reached from sweeps. */
export const places: { page: "sweeps" | LazyPage; href: string; name: string }[] = [
  { page: "sweeps", href: "/", name: "Sweeps" },
  { page: "launch", href: "/launch", name: "Launch" },
  { page: "fleet", href: "/fleet", name: "Fleet" },
  { page: "datasets", href: "/datasets", name: "Datasets" },
  { page: "models", href: "/models", name: "Models" },
  { page: "compare", href: "/compare", name: "Compare" },
];
