// The views of a sweep beside the overview, each loaded when it is first
// looked at: a file of this folder by the name of its tab, whose default
// export takes ViewProps.

import type { ComponentType } from "preact";
import type { Sweep } from "../api";
import type { Tab } from "../router";
import type { SweepView } from "../store";

export interface ViewProps {
  view: SweepView;
  sweep: Sweep;
}

type Load = () => Promise<{ default: ComponentType<ViewProps> }>;

const files = import.meta.glob<{ default: ComponentType<ViewProps> }>("./*.tsx");

export const views: Partial<Record<Tab, Load>> = Object.fromEntries(
  Object.entries(files).map(([path, load]) => [path.slice("./".length, -".tsx".length), load]),
);
