import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { getSweeps, Problem, type Session } from "../src/api";
import { canChange, locked, logIn, logOut, logOutProblem, refusalText, session, startSession } from "../src/session";

let answers: (path: string, method: string) => Response;

const json = (body: object, status = 200): Response => new Response(JSON.stringify(body), { status });

beforeEach(() => {
  session.value = null;
  vi.stubGlobal("fetch", async (path: string, init: RequestInit) => answers(path, init.method ?? "GET"));
});

afterEach(() => vi.unstubAllGlobals());

describe("what a session allows", () => {
  const cases: [Session | null, boolean, boolean][] = [
    [null, false, false],
    [{ needed: false }, false, true],
    [{ needed: true }, true, false],
    [{ needed: true, name: "n", scope: "read" }, false, false],
    [{ needed: true, name: "n", scope: "submit" }, false, true],
    [{ needed: true, name: "n", scope: "admin" }, false, true],
  ];
  for (const [now, isLocked, may] of cases) {
    it(JSON.stringify(now), () => {
      session.value = now;
      expect(locked.value).toBe(isLocked);
      expect(canChange.value).toBe(may);
    });
  }
});

it("a request that needs a token locks the pages", async () => {
  answers = (path) => (path.endsWith("/session") ? json({ needed: true }) : json({ title: "Refused" }, 401));
  session.value = { needed: false };
  startSession();
  await expect(getSweeps(10, "")).rejects.toBeInstanceOf(Problem);
  await vi.waitFor(() => expect(locked.value).toBe(true));
});

it("a login unlocks, a refused one says why and does not", async () => {
  session.value = { needed: true };
  answers = () => json({ title: "Refused", detail: "a token is needed" }, 401);
  expect(await logIn("x")).toContain("no valid token");
  expect(locked.value).toBe(true);
  answers = () => json({ needed: true, name: "me", scope: "read" }, 201);
  expect(await logIn("  y ")).toBe("");
  expect(locked.value).toBe(false);
});

it("a logout that fails says so and stays logged in", async () => {
  session.value = { needed: true, name: "me", scope: "read" };
  answers = () => json({ title: "Broken" }, 500);
  await logOut();
  expect(logOutProblem.value).not.toBe("");
  expect(locked.value).toBe(false);
  answers = (_, method) => (method === "DELETE" ? new Response(null, { status: 204 }) : json({ needed: true }));
  await logOut();
  expect(locked.value).toBe(true);
});

it("a refusal is told in words", () => {
  expect(refusalText(new Problem(429, "Too many", "wait 6 s"))).toBe("wait 6 s");
  expect(refusalText(new Problem(0, "No answer", ""))).toBe("No answer");
  expect(refusalText(new Error("x"))).toContain("unknown");
});
