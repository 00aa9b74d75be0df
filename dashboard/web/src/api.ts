// What the pages know of the service: the shapes of its answers, generated from
// its OpenAPI file by npm run types, and one function for each request. Nothing
// else in the dashboard calls fetch.

import type { components } from "./schema";

type Schemas = components["schemas"];

export type Metric = Schemas["Metric"];
export type Goal = Metric["goal"];
export type SweepState = Schemas["SweepState"];
export type TrialState = Schemas["TrialState"];
export type Spec = Schemas["Spec"];
export type Parameter = Spec["parameters"][string];
export type Trial = Schemas["Trial"];
export type Sweep = Schemas["Sweep"];
export type History = Schemas["History"];
export type Event = Schemas["Event"];
export type Reported = Schemas["EventReported"];
export type Action = Schemas["EventActed"]["action"];
export type FieldError = Schemas["FieldError"];
export type Importance = Schemas["Importance"];
export type Front = Schemas["Front"];
export type RungCount = Schemas["RungCount"];
export type ExtendRequest = Schemas["ExtendRequest"];
export type ViewAxis = Schemas["ViewAxis"];
export type ViewTable = Schemas["ViewTable"];
export type ViewParallel = Schemas["ViewParallel"];
export type ViewGrid = Schemas["ViewGrid"];
export type ViewSlice = Schemas["ViewSlice"];
export type ViewContour = Schemas["ViewContour"];
export type ViewCurves = Schemas["ViewCurves"];
export type ViewDistribution = Schemas["ViewDistribution"];
export type ViewFailures = Schemas["ViewFailures"];
export type ViewTimeline = Schemas["ViewTimeline"];
export type ViewBracket = Schemas["ViewBracket"];
export type ViewSeat = Schemas["ViewSeat"];
export type ViewProgress = Schemas["ViewProgress"];
export type Session = Schemas["Session"];

export interface Page<T> {
  items: T[];
  next?: string;
}

/** Longer histories are thinned to so many points. */
export const historyLimit = 2000;

/** An answer that is not the one asked for, in words for a person. */
export class Problem extends Error {
  constructor(
    readonly status: number, // 0: there was no answer
    title: string,
    readonly detail: string,
    readonly errors: FieldError[] = [], // which fields are wrong, and what would be right
  ) {
    super(title);
  }
}

/** Milliseconds that the service's clock is ahead of the browser's. */
let clockAhead = 0;

/** The time by the service's clock, in milliseconds. */
export function serviceTime(): number {
  return Date.now() + clockAhead;
}

// The Date header counts whole seconds, so that small differences mean nothing.
function readClock(header: string | null): void {
  const ahead = Date.parse(header ?? "") - Date.now();
  if (Number.isFinite(ahead)) clockAhead = Math.abs(ahead) > 2000 ? ahead : 0;
}

async function problemOf(answer: Response): Promise<Problem> {
  let title = answer.statusText || `Status ${answer.status}`;
  let detail = "";
  let errors: FieldError[] = [];
  try {
    const doc: unknown = await answer.json();
    if (doc !== null && typeof doc === "object") {
      if ("title" in doc && typeof doc.title === "string" && doc.title !== "") title = doc.title;
      if ("detail" in doc && typeof doc.detail === "string") detail = doc.detail;
      if ("errors" in doc && Array.isArray(doc.errors)) errors = doc.errors as FieldError[];
    }
  } catch {
    // Not a problem document: the status says enough.
  }
  return new Problem(answer.status, title, detail, errors);
}

let locked = (): void => {};

/** Has a function called whenever the service asks for a token. */
export function onLocked(f: () => void): void {
  locked = f;
}

/** What was thrown, as a problem to show. */
export const asProblem = (err: unknown): Problem =>
  err instanceof Problem ? err : new Problem(0, "The page is broken", err instanceof Error ? err.message : String(err));

/** Sends a request to the service below /api/v1; a text is YAML. What is not answered as asked is a Problem. */
export async function ask<T>(method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE", path: string, body?: object | string, signal?: AbortSignal, key?: string): Promise<T> {
  let answer: Response;
  const headers: Record<string, string> = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = typeof body === "string" ? "application/yaml" : "application/json";
  if (key !== undefined) headers["Idempotency-Key"] = key;
  try {
    answer = await fetch(`/api/v1${path}`, { method, headers, cache: "no-store", signal: signal ?? null, body: body === undefined || typeof body === "string" ? (body ?? null) : JSON.stringify(body) });
  } catch (err) {
    if (signal?.aborted) throw err;
    throw new Problem(0, "No answer", "The coordinator cannot be reached.");
  }
  readClock(answer.headers.get("Date"));
  if (answer.status === 401 && path !== sessionPath) locked();
  if (!answer.ok) throw await problemOf(answer);
  if (answer.status === 204) return undefined as T;
  try {
    return (await answer.json()) as T;
  } catch {
    throw new Problem(answer.status, "Not an answer", "What came back is not JSON; is something between you and the coordinator?");
  }
}

const sessionPath = "/session";

export const getSession = (): Promise<Session> => ask("GET", sessionPath);
export const createSession = (token: string): Promise<Session> => ask("POST", sessionPath, { token });
export const deleteSession = (): Promise<void> => ask("DELETE", sessionPath);

export const sweepPath = (id: string): string => `/sweeps/${encodeURIComponent(id)}`;

export const getSweep = (id: string): Promise<Sweep> => ask("GET", sweepPath(id));
export const getHistory = (id: string): Promise<History> => ask("GET", `${sweepPath(id)}/history?limit=${historyLimit}`);
interface Views {
  table: ViewTable;
  parallel: ViewParallel;
  slice: ViewSlice;
  contour: ViewContour;
  curves: ViewCurves;
  distribution: ViewDistribution;
  failures: ViewFailures;
  timeline: ViewTimeline;
  bracket: ViewBracket;
  progress: ViewProgress;
}

/** The address of a view; parameters that are empty are left out. */
export function viewPath(id: string, view: keyof Views, parameters: Record<string, string | number> = {}): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters)) if (value !== "") query.set(key, String(value));
  return `${sweepPath(id)}/views/${view}${query.size > 0 ? `?${query}` : ""}`;
}

/** A sweep's trials reduced to what a chart shows. */
export const getView = <V extends keyof Views>(id: string, view: V, parameters: Record<string, string | number>, signal?: AbortSignal): Promise<Views[V]> =>
  ask("GET", viewPath(id, view, parameters), undefined, signal);

export const getTrial = (id: string, n: number): Promise<Trial> => ask("GET", `${sweepPath(id)}/trials/${n}`);
export const getImportance = (id: string, signal?: AbortSignal): Promise<Importance> => ask("GET", `${sweepPath(id)}/importance`, undefined, signal);
export const getFront = (id: string, signal?: AbortSignal): Promise<Front> => ask("GET", `${sweepPath(id)}/pareto`, undefined, signal);
export const extendSweep = (id: string, change: ExtendRequest): Promise<Sweep> => ask("POST", `${sweepPath(id)}/extend`, change);
/** Deletes a sweep, which is cancelled first if it has not ended. */
export const deleteSweep = (id: string): Promise<void> => ask("DELETE", `${sweepPath(id)}?force=cancel`);
export const act = (id: string, action: Action): Promise<Sweep> => ask("POST", `${sweepPath(id)}/${action}`);

const pageQuery = (limit: number, cursor: string): string =>
  `?limit=${limit}${cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`}`;

export const getSweeps = (limit: number, cursor: string): Promise<Page<Sweep>> =>
  ask("GET", `/sweeps${pageQuery(limit, cursor)}`);
export const getLeaderboard = (id: string, limit: number, cursor: string): Promise<Page<Trial>> =>
  ask("GET", `${sweepPath(id)}/leaderboard${pageQuery(limit, cursor)}`);

/** Where the events of one sweep, or of all, come from. */
export function eventsPath(id: string | null, after: number): string {
  return `/api/v1${id === null ? "" : sweepPath(id)}/events?after=${after}`;
}
