// How sure it is that the incumbent leads, from what is known: how many rows its
// value was measured on, and who is next.

import type { Spec, Trial } from "./api";
import { better } from "./sweep";

interface Rows {
  rows: number;
  test_rows: number;
  weight?: string;
}

/** The rows that a trial of the sweep is validated on, all folds together. */
export function validationRows(validation: Spec["validation"], dataset: Rows): number {
  const rows = dataset.rows - dataset.test_rows;
  const { kind, fraction = 0, folds = 0 } = validation;
  if (folds === 0) return Math.floor(rows * fraction);
  return kind === "time" ? Math.floor((rows * folds) / (folds + 1)) : rows; // in time the first part is trained on alone
}

/**
 * The standard error of a share of rows, as accuracy is one: √(p(1−p)/n). It is
 * null of other metrics, whose spread a single value does not tell, and of rows
 * that weigh differently.
 */
export function standardError(metric: string, value: number, validation: Spec["validation"], dataset: Rows): number | null {
  const n = validationRows(validation, dataset);
  if (metric !== "accuracy" || (dataset.weight ?? "") !== "" || n < 1 || value < 0 || value > 1) return null;
  return Math.sqrt((value * (1 - value)) / n);
}

export interface Lead {
  next: Trial; // the second
  by: number; // how much worse it is, at least 0
}

/** How far the first of a board is ahead of the second, if both were measured at the same rung. */
export function leadOf(board: Trial[]): Lead | null {
  const [first, next] = board;
  if (first === undefined || next === undefined || first.value === null || next.value === null || first.rung !== next.rung) return null;
  return { next, by: Math.abs(first.value - next.value) };
}

/** How many others of the first's rung are within a distance of it. */
export function within(board: Trial[], distance: number, goal: Spec["metric"]["goal"]): number {
  const first = board[0];
  if (first === undefined || first.value === null) return 0;
  const edge = goal === "maximize" ? first.value - distance : first.value + distance;
  return board.slice(1).filter((t) => t.rung === first.rung && t.value !== null && (t.value === edge || better(goal, t.value, edge))).length;
}
