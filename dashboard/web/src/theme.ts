// Dark or light: as the system says, unless the reader has chosen. The choice
// is applied before the first paint by public/theme.js.

import { signal } from "@preact/signals";

export type Theme = "light" | "dark";

const key = "tourney.theme";
const system = matchMedia("(prefers-color-scheme: dark)");

function current(): Theme {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === "light" || chosen === "dark") return chosen;
  return system.matches ? "dark" : "light";
}

export const theme = signal<Theme>(current());

system.addEventListener("change", () => (theme.value = current()));

/** Turns to the other theme. A choice that equals the system's is forgotten. */
export function toggleTheme(): void {
  const next: Theme = theme.value === "dark" ? "light" : "dark";
  const isSystem = system.matches === (next === "dark");
  if (isSystem) delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  try {
    if (isSystem) localStorage.removeItem(key);
    else localStorage.setItem(key, next);
  } catch {
    // No storage: the choice lasts as long as the page.
  }
  theme.value = next;
}
