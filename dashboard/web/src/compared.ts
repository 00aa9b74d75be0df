// Which trials are compared, as the address has them: SWEEP:3,SWEEP:5.

export interface Ref {
  sweep: string;
  n: number;
}

/** More are not compared. */
export const most = 12;

/** The trials that an address names; what makes no sense is left out. */
export function parseTrials(text: string): Ref[] {
  const refs: Ref[] = [];
  for (const part of text.split(",")) {
    const colon = part.lastIndexOf(":");
    const n = part.slice(colon + 1);
    if (colon < 1 || !/^\d{1,10}$/.test(n)) continue;
    const ref = { sweep: part.slice(0, colon), n: Number(n) };
    if (!refs.some((r) => r.sweep === ref.sweep && r.n === ref.n)) refs.push(ref);
  }
  return refs.slice(0, most);
}

export const formatTrials = (refs: Ref[]): string => refs.map((r) => `${r.sweep}:${r.n}`).join(",");
