// A component that is loaded when it is first shown.

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ProblemCard } from "./problem";
import { Problem } from "../api";

type Loader<P> = () => Promise<{ default: ComponentType<P> }>;

/** Shows what a loader loads. When that fails, it says so and can be tried again. */
export function Lazy<P extends object>({ load, props }: { load: Loader<P>; props: P }) {
  const [loaded, setLoaded] = useState<{ of: Loader<P>; component: ComponentType<P> } | null>(null);
  const [failed, setFailed] = useState(false);
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    let current = true;
    setFailed(false);
    load().then(
      (module) => current && setLoaded({ of: load, component: module.default }),
      () => current && setFailed(true),
    );
    return () => {
      current = false;
    };
  }, [load, attempt]);
  if (failed) {
    const problem = new Problem(0, "This part of the page did not load", "The coordinator does not answer, or it serves a newer version: reload the page.");
    return <ProblemCard problem={problem} onRetry={() => setAttempt(attempt + 1)} />;
  }
  if (loaded === null || loaded.of !== load) return <p class="loading" role="status">Loading…</p>;
  const Component = loaded.component;
  return <Component {...props} />;
}
