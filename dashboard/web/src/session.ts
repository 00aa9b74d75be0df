// Who looks at the pages: whether the service asks for a token, and what the
// one that was given lets its holder do. The token itself is sent once; what
// stays is a cookie that scripts cannot read.

import { computed, signal } from "@preact/signals";
import { createSession, deleteSession, getSession, onLocked, Problem, type Session } from "./api";

const retryAfter = 5000; // milliseconds

/** Who looks, or null as long as that is not known. */
export const session = signal<Session | null>(null);

/** Whether nothing is shown before a login. */
export const locked = computed(() => session.value !== null && session.value.needed && session.value.name === undefined);

/** Whether the holder may change sweeps. The service decides; pages offer what it will not refuse. */
export const canChange = computed(() => {
  const now = session.value;
  return now !== null && (!now.needed || now.scope === "submit" || now.scope === "admin");
});

/** Why the last attempt to log out failed. */
export const logOutProblem = signal("");

async function read(): Promise<void> {
  try {
    session.value = await getSession();
  } catch {
    // The pages say that the service does not answer, and refuse nothing themselves.
    session.value ??= { needed: false };
    setTimeout(() => void read(), retryAfter);
  }
}

/** Finds out who looks, now and whenever the service asks for a token. */
export function startSession(): void {
  onLocked(() => void read());
  void read();
}

/** What to tell somebody whose token was refused. */
export function refusalText(err: unknown): string {
  if (!(err instanceof Problem)) return "The login failed for a reason unknown to this page.";
  if (err.status === 400 || err.status === 401 || err.status === 422) {
    return "This is no valid token. It may be mistyped, expired or revoked.";
  }
  return err.detail === "" ? err.message : err.detail;
}

/** Logs in; the answer is empty, or why it was refused. */
export async function logIn(token: string): Promise<string> {
  try {
    session.value = await createSession(token.trim());
    logOutProblem.value = "";
    return "";
  } catch (err) {
    return refusalText(err);
  }
}

export async function logOut(): Promise<void> {
  try {
    await deleteSession();
  } catch {
    logOutProblem.value = "Not logged out: try again.";
    return;
  }
  await read();
}
