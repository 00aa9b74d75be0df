import { useEffect } from "preact/hooks";

export function NotFound({ what }: { what: string }) {
  useEffect(() => {
    document.title = "Not found · Tourney";
  }, []);
  return (
    <section class="card problem">
      <h1>Not found</h1>
      <p>{what}</p>
      <p class="actions">
        <a class="button" href="/">All sweeps</a>
      </p>
    </section>
  );
}
