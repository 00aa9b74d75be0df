// What is asked before anything is shown: a token.

import { useEffect, useRef, useState } from "preact/hooks";
import { logIn } from "../session";

export function LoginPage() {
  const field = useRef<HTMLInputElement>(null);
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    document.title = "Log in · Tourney";
    field.current?.focus();
  }, []);

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setProblem("");
    const refusal = await logIn(field.current?.value ?? "");
    if (refusal === "") {
      document.getElementById("main")?.focus(); // this page is gone
      return;
    }
    setBusy(false);
    setProblem(refusal);
    field.current?.focus();
    field.current?.select();
  };

  return (
    <section class="card login" aria-labelledby="login-title">
      <h1 id="login-title">Log in</h1>
      <p class="muted">This server asks for a token. Whoever runs it makes one: <code>tourney token create</code></p>
      <form onSubmit={(event) => void submit(event)}>
        <label for="token">Token</label>
        <input
          ref={field}
          id="token"
          name="token"
          type="password"
          autocomplete="current-password"
          autocapitalize="off"
          spellcheck={false}
          required
          aria-invalid={problem !== ""}
          aria-describedby="login-problem"
        />
        <p id="login-problem" class="login-problem" role="alert">{problem}</p>
        <button type="submit" class="button primary" aria-disabled={busy}>Log in</button>
      </form>
    </section>
  );
}
