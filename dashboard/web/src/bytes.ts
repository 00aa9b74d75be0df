// Sizes as people read them.

const units = ["B", "KiB", "MiB", "GiB", "TiB"];

/** Bytes with the unit that leaves at most four digits. */
export function bytes(n: number): string {
  let size = n;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${unit === 0 ? size : size.toFixed(size < 10 ? 1 : 0)} ${units[unit]}`;
}
