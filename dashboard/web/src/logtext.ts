// The text of a log, line by line.

const kept = 4000; // lines

interface Line {
  from: string; // out, err or tourney
  text: string;
}

/** Lines of a log; what is not whole yet is kept for the next piece. */
export class LogText {
  lines: Line[] = [];
  dropped = 0; // lines that are not kept
  private rest = "";
  private end = 0;

  append(offset: number, text: string): void {
    if (offset > this.end && this.end + this.lines.length > 0) this.add("tourney| … a part of the log was not kept …");
    this.end = offset + new TextEncoder().encode(text).length;
    const parts = (this.rest + text).split("\n");
    this.rest = parts.pop() ?? "";
    for (const part of parts) this.add(part);
  }

  private add(line: string): void {
    const bar = line.indexOf("| ");
    const from = bar > 0 ? line.slice(0, bar) : "out";
    this.lines.push({ from, text: bar > 0 ? line.slice(bar + 2) : line });
    if (this.lines.length > kept) {
      this.dropped += this.lines.length - kept;
      this.lines.splice(0, this.lines.length - kept);
    }
  }
}
