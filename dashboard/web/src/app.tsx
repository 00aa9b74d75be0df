// The frame around every page.

import { connected, stale } from "./live";
import { Icon } from "./components/icon";
import { Lazy } from "./components/lazy";
import { hasPage, lazyPages, places } from "./pages";
import { LoginPage } from "./pages/login";
import { NotFound } from "./pages/notfound";
import { SweepPage } from "./pages/sweep";
import { SweepsPage } from "./pages/sweeps";
import { route } from "./router";
import { locked, logOut, logOutProblem, session } from "./session";
import { theme, toggleTheme } from "./theme";

function Page() {
  const at = route.value;
  switch (at.page) {
    case "sweeps":
      return <SweepsPage />;
    case "sweep":
      return <SweepPage key={at.id} id={at.id} tab={at.tab} />;
    case "trial":
    case "compare":
    case "fleet":
    case "datasets":
    case "launch":
    case "models": {
      const load = lazyPages[at.page];
      if (load === undefined) break;
      return <Lazy key={at.page} load={load} props={{ route: at }} />;
    }
    case "unknown":
      break;
  }
  return <NotFound what={`There is no page at ${location.pathname}.`} />;
}

/** The pages there are, the one at hand marked. */
function Places() {
  const now = route.value.page;
  const here = now === "sweep" || now === "trial" ? "sweeps" : now;
  return (
    <nav class="places" aria-label="Pages">
      {places.filter((p) => hasPage(p.page)).map((p) => (
        <a key={p.page} href={p.href} aria-current={p.page === here ? "page" : undefined}>{p.name}</a>
      ))}
    </nav>
  );
}

/** The page, once it is known who looks at it. */
function Content() {
  if (session.value === null) return <p class="loading" role="status">Loading…</p>;
  return locked.value ? <LoginPage /> : <Page />;
}

function Account() {
  const now = session.value;
  if (now?.name === undefined) return null;
  return (
    <span class="account">
      <span class="account-name" title={`${now.name}, scope ${now.scope ?? ""}`}>{now.name}</span>
      <button type="button" class="link" onClick={() => void logOut()}>Log out</button>
      <span role="alert" class="account-problem">{logOutProblem.value}</span>
    </span>
  );
}

function Connection() {
  const state = stale.value ? "lost" : connected.value ? "live" : "";
  return (
    <span class="connection" data-state={state} aria-hidden="true">
      {state === "live" ? "Live" : state === "lost" ? "Offline" : ""}
    </span>
  );
}

function ThemeButton() {
  const next = theme.value === "dark" ? "light" : "dark";
  return (
    <button type="button" class="icon-button" onClick={toggleTheme} aria-label={`Switch to the ${next} theme`} title={`Switch to the ${next} theme`}>
      <Icon name={next === "light" ? "sun" : "moon"} size={18} />
    </button>
  );
}

export function App() {
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="bar">
        <div class="wide bar-inner">
          <a class="wordmark" href="/" aria-label="Tourney, all sweeps">
            <Icon name="bracket" size={22} />
            Tourney
          </a>
          {!locked.value && <Places />}
          <div class="bar-end">
            <Account />
            <Connection />
            <ThemeButton />
          </div>
        </div>
      </header>
      <div role="status" class="stale-slot">
        {stale.value && (
          <p class="stale">
            <Icon name="cut" /> Connection lost, reconnecting… What you see may be out of date.
          </p>
        )}
      </div>
      <main id="main" class="wide" tabIndex={-1}>
        <Content />
      </main>
    </>
  );
}
