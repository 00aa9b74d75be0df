// What the pages beside the sweep ask the service for.

import { ask, Problem, sweepPath, type FieldError, type Page, type Spec, type Sweep, type Trial } from "./api";
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Point = Schemas["Point"];
export type Attempt = Schemas["Attempt"];
export type Appraisal = Schemas["Appraisal"];
export type ModelInfo = Schemas["ModelInfo"];
export type Worker = Schemas["Worker"];
export type WorkerList = Schemas["WorkerList"];
export type Lifetime = Schemas["Lifetime"];
export type Dataset = Schemas["Dataset"];
export type Column = Schemas["Column"];
export type DatasetSample = Schemas["DatasetSample"];
export type Forecast = Schemas["Forecast"];
export type TrainerInfo = Schemas["TrainerInfo"];
export type TrainerParam = Schemas["TrainerParam"];
export type LogPage = Schemas["LogPage"];
export type Artifact = Schemas["Artifact"];
export type Retry = Schemas["Retry"];

interface List<T> {
  items: T[];
}

const trialPath = (id: string, n: number): string => `${sweepPath(id)}/trials/${n}`;

export const getPoints = (id: string, n: number, signal?: AbortSignal): Promise<List<Point>> => ask("GET", `${trialPath(id, n)}/metrics`, undefined, signal);
export const getAttempts = (id: string, n: number, signal?: AbortSignal): Promise<List<Attempt>> => ask("GET", `${trialPath(id, n)}/attempts`, undefined, signal);
export const getLog = (id: string, n: number, from: number, attempt: number | null, signal?: AbortSignal): Promise<LogPage> =>
  ask("GET", `${trialPath(id, n)}/logs?from=${from}${attempt === null ? "" : `&attempt=${attempt}`}`, undefined, signal);
export const getArtifacts = (id: string, n: number, signal?: AbortSignal): Promise<List<Artifact>> => ask("GET", `${trialPath(id, n)}/artifacts`, undefined, signal);
export const artifactHref = (id: string, n: number, name: string): string => `/api/v1${trialPath(id, n)}/artifacts/content?name=${encodeURIComponent(name)}`;
export const modelHref = (id: string, n: number): string => `/api/v1${trialPath(id, n)}/model`;
export const retryTrial = (id: string, n: number, key: string): Promise<Retry> => ask("POST", `${trialPath(id, n)}/retry`, undefined, undefined, key);
export const getModels = (id: string, signal?: AbortSignal): Promise<List<ModelInfo>> => ask("GET", `${sweepPath(id)}/models`, undefined, signal);
export const getTrialOf = (id: string, n: number, signal?: AbortSignal): Promise<Trial> => ask("GET", trialPath(id, n), undefined, signal);
export const getSweepOf = (id: string, signal?: AbortSignal): Promise<Sweep> => ask("GET", sweepPath(id), undefined, signal);

/** How a model did, or null of a trial that has left none. */
export const getAppraisal = (id: string, n: number, signal?: AbortSignal): Promise<Appraisal | null> => orNull(ask("GET", `${trialPath(id, n)}/appraisal`, undefined, signal));

/** The answer, or null where there is nothing. */
export async function orNull<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (err) {
    if (err instanceof Problem && err.status === 404) return null;
    throw err;
  }
}

export const getWorkers = (signal?: AbortSignal): Promise<WorkerList> => ask("GET", "/workers", undefined, signal);
export const drainWorker = (id: string, mode: "release" | "finish"): Promise<Worker> => ask("POST", `/workers/${encodeURIComponent(id)}/drain`, { mode });

/** The sweeps, newest first; the most that one request gives. */
export const getNewestSweeps = (signal?: AbortSignal): Promise<Page<Sweep>> => ask("GET", "/sweeps?limit=1000", undefined, signal);

const datasetPath = (ref: string): string => `/datasets/${encodeURIComponent(ref)}`;

export const getDatasets = (signal?: AbortSignal): Promise<Page<Dataset>> => ask("GET", "/datasets?limit=1000", undefined, signal);
export const getDataset = (ref: string, signal?: AbortSignal): Promise<Dataset> => ask("GET", datasetPath(ref), undefined, signal);
export const getSample = (ref: string, rows: number, signal?: AbortSignal): Promise<DatasetSample> => ask("GET", `${datasetPath(ref)}/sample?rows=${rows}`, undefined, signal);
export const deleteDataset = (ref: string): Promise<void> => ask("DELETE", datasetPath(ref));

export const getTrainers = (signal?: AbortSignal): Promise<List<TrainerInfo>> => ask("GET", "/trainers", undefined, signal);
/** Says what a sweep file would do; a text is YAML. */
export const validate = (file: object | string, signal?: AbortSignal): Promise<Forecast> => ask("POST", "/sweeps/validate", file, signal);
export const createSweep = (file: object | string, key: string): Promise<Sweep> => ask("POST", "/sweeps", file, undefined, key);

/** A key that makes the same request, sent twice, count once. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
}

export interface Upload {
  name: string;
  file: File;
  target: string; // empty: the format names it
  task: string; // empty: told from the target
  test: string; // share of the rows that are sealed; empty: the service's default
}

/**
 * Sends a table, and tells which part of its bytes has been sent. Browsers tell
 * that of XMLHttpRequest alone.
 */
export function uploadDataset(upload: Upload, sent: (part: number) => void, signal: AbortSignal): Promise<Dataset> {
  const query = new URLSearchParams({ name: upload.name, file: upload.file.name });
  for (const key of ["target", "task", "test"] as const) if (upload[key] !== "") query.set(key, upload[key]);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/v1/datasets?${query}`);
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.responseType = "json";
    request.upload.onprogress = (event) => sent(event.total > 0 ? event.loaded / event.total : 0);
    request.upload.onload = () => sent(1);
    request.onerror = () => reject(new Problem(0, "Not uploaded", "The connection broke before the table was taken in."));
    request.onabort = () => reject(new Problem(0, "Stopped", "Nothing was registered."));
    request.onload = () => {
      const doc = request.response as unknown;
      if (request.status < 300) return resolve(doc as Dataset);
      const said = (doc ?? {}) as { title?: string; detail?: string; errors?: FieldError[] };
      reject(new Problem(request.status, said.title ?? `Status ${request.status}`, said.detail ?? "", said.errors ?? []));
    };
    signal.addEventListener("abort", () => request.abort());
    request.send(upload.file);
  });
}

export type { FieldError, Spec, Sweep, Trial };
