// How a model did on the sealed test rows.

import { useState } from "preact/hooks";
import { count, grouped, significant } from "../format";
import type { Appraisal as Data } from "../requests";
import { axisStyle, Chart } from "./chart";

function Confusion({ classes, counts }: { classes: string[]; counts: number[][] }) {
  const [shares, setShares] = useState(false);
  const names = counts.map((_, i) => classes[i] ?? "the others");
  const sums = counts.map((row) => row.reduce((a, b) => a + b, 0));
  return (
    <section class="card panel" aria-labelledby="confusion-title">
      <div class="card-head">
        <h2 id="confusion-title">Confusion <span class="muted">rows are true classes, columns predicted ones</span></h2>
        <div class="segments" role="group" aria-label="Show the confusion as">
          <button type="button" aria-pressed={!shares} onClick={() => setShares(false)}>Rows</button>
          <button type="button" aria-pressed={shares} onClick={() => setShares(true)}>Shares</button>
        </div>
      </div>
      <div class="scroll confusion" tabIndex={0} role="region" aria-label="Confusion matrix">
        <table>
          <caption class="hidden">Test rows by true and predicted class</caption>
          <thead>
            <tr><td />{names.map((name) => <th key={name} scope="col" title={name}>{name}</th>)}</tr>
          </thead>
          <tbody>
            {counts.map((row, i) => (
              <tr key={names[i]}>
                <th scope="row" title={names[i]}>{names[i]}</th>
                {row.map((n, j) => {
                  const share = (sums[i] ?? 0) > 0 ? n / (sums[i] as number) : 0;
                  return (
                    <td key={j} data-hit={i === j} style={{ "--share": `${Math.round(45 * share)}%` }}>
                      {shares ? `${significant(100 * share, 3)} %` : significant(n, 4)}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Roc({ curves }: { curves: NonNullable<Data["roc"]> }) {
  const mean = curves.reduce((sum, c) => sum + c.auc, 0) / curves.length;
  const note = curves.length === 1 ? `AUC ${significant(mean, 4)}, of class ${curves[0]?.class}` : `mean AUC ${significant(mean, 4)}, each class against the others`;
  return (
    <Chart
      title="ROC"
      note={note}
      label={`Receiver operating characteristic, ${note}.`}
      height={340}
      revision={curves}
      option={(p) => ({
        grid: { left: 56, right: 24, top: 16, bottom: 44 },
        xAxis: { ...axisStyle(p), type: "value", min: 0, max: 1, name: "false positive rate", nameLocation: "middle", nameGap: 28 },
        yAxis: { ...axisStyle(p), type: "value", min: 0, max: 1, name: "true positive rate", nameLocation: "middle", nameGap: 36 },
        tooltip: { formatter: ({ seriesIndex, value }: { seriesIndex: number; value: [number, number] }) => `${curves[seriesIndex]?.class ?? "by chance"}\nfalse ${significant(value[0], 3)}, true ${significant(value[1], 3)}` },
        series: [
          ...curves.map((c, i) => ({
            type: "line", showSymbol: false, data: c.fpr.map((x, k) => [x, c.tpr[k]]),
            lineStyle: { width: curves.length === 1 ? 2.5 : 1.5, color: p.series[i % p.series.length] }, itemStyle: { color: p.series[i % p.series.length] },
          })),
          { type: "line", silent: true, showSymbol: false, data: [[0, 0], [1, 1]], lineStyle: { color: p.line, type: "dashed", width: 1.5 } },
        ],
      })}
      table={{ columns: [{ name: "Class" }, { name: "AUC", num: true }], rows: curves.map((c) => ({ cells: [c.class, significant(c.auc, 4)] })) }}
    />
  );
}

function Calibration({ bins, binary }: { bins: NonNullable<Data["calibration"]>; binary: string | null }) {
  const all = bins.reduce((sum, b) => sum + b.rows, 0);
  const error = all > 0 ? bins.reduce((sum, b) => sum + (b.rows / all) * Math.abs(b.mean - b.share), 0) : 0;
  return (
    <Chart
      title="Calibration"
      note={`expected error ${significant(error, 3)}${binary === null ? ", of the predicted class" : `, of class ${binary}`}`}
      label={`Calibration: the share of rows by the probability that the model gave. Expected calibration error ${significant(error, 3)}.`}
      height={340}
      revision={bins}
      walk={{ series: 0, count: bins.length }}
      option={(p) => ({
        grid: { left: 56, right: 24, top: 16, bottom: 44 },
        xAxis: { ...axisStyle(p), type: "value", min: 0, max: 1, name: "probability given", nameLocation: "middle", nameGap: 28 },
        yAxis: { ...axisStyle(p), type: "value", min: 0, max: 1, name: "share that it was", nameLocation: "middle", nameGap: 36 },
        tooltip: { formatter: ({ dataIndex }: { dataIndex: number }) => { const b = bins[dataIndex]; return b === undefined ? "" : `given ${significant(b.mean, 3)}\nwas ${significant(b.share, 3)}\n${count(Math.round(b.rows), "row")}`; } },
        series: [
          { type: "line", data: bins.map((b) => [b.mean, b.share]), symbolSize: 9, lineStyle: { color: p.accent, width: 2 }, itemStyle: { color: p.accent } },
          { type: "line", silent: true, showSymbol: false, data: [[0, 0], [1, 1]], lineStyle: { color: p.line, type: "dashed", width: 1.5 } },
        ],
      })}
      table={{ columns: [{ name: "Given", num: true }, { name: "Was", num: true }, { name: "Rows", num: true }], rows: bins.map((b) => ({ cells: [significant(b.mean, 4), significant(b.share, 4), significant(b.rows, 6)] })) }}
    />
  );
}

function Residuals({ data }: { data: NonNullable<Data["residuals"]> }) {
  const values = data.points.flat();
  const low = Math.min(...values);
  const high = Math.max(...values);
  return (
    <>
      <Chart
        title="Predicted and true"
        note={`${data.points.length} rows, evenly by residual`}
        label="Predictions by true values."
        height={340}
        revision={data}
        walk={{ series: 0, count: data.points.length }}
        option={(p) => ({
          grid: { left: 64, right: 24, top: 16, bottom: 44 },
          xAxis: { ...axisStyle(p), type: "value", scale: true, name: "true", nameLocation: "middle", nameGap: 28 },
          yAxis: { ...axisStyle(p), type: "value", scale: true, name: "predicted", nameLocation: "middle", nameGap: 48 },
          tooltip: { formatter: ({ value }: { value: [number, number] }) => `true ${significant(value[0])}\npredicted ${significant(value[1])}` },
          series: [
            { type: "scatter", progressive: 0, data: data.points, symbolSize: 7, itemStyle: { color: p.accent, opacity: 0.6 } },
            { type: "line", silent: true, showSymbol: false, data: [[low, low], [high, high]], lineStyle: { color: p.line, type: "dashed", width: 1.5 } },
          ],
        })}
        table={{ columns: [{ name: "True", num: true }, { name: "Predicted", num: true }], rows: data.points.map(([t, q]) => ({ cells: [significant(t ?? NaN), significant(q ?? NaN)] })) }}
      />
      <Chart
        title="Residuals"
        note={`mean ${significant(data.mean, 3)}, sd ${significant(data.sd, 3)}`}
        label={`Residuals, predicted less true: median ${significant(data.quartiles[2] ?? 0, 3)}.`}
        height={340}
        revision={data}
        walk={{ series: 0, count: data.histogram.length }}
        option={(p) => ({
          grid: { left: 64, right: 24, top: 16, bottom: 44 },
          xAxis: { ...axisStyle(p), type: "category", data: data.histogram.map((b) => significant((b.low + b.high) / 2, 3)), name: "predicted less true", nameLocation: "middle", nameGap: 28 },
          yAxis: { ...axisStyle(p), type: "value", name: "rows", nameTextStyle: { align: "left", color: p.ink2 } },
          tooltip: { formatter: ({ dataIndex }: { dataIndex: number }) => { const b = data.histogram[dataIndex]; return b === undefined ? "" : `${significant(b.low, 3)} to ${significant(b.high, 3)}\n${count(b.count, "row")}`; } },
          series: [{ type: "bar", barCategoryGap: "8%", data: data.histogram.map((b) => b.count), itemStyle: { color: p.accent } }],
        })}
        table={{ columns: [{ name: "From", num: true }, { name: "To", num: true }, { name: "Rows", num: true }], rows: data.histogram.map((b) => ({ cells: [significant(b.low), significant(b.high), grouped(b.count)] })) }}
      />
    </>
  );
}

function Importance({ columns, sampled, regression }: { columns: NonNullable<Data["importance"]>; sampled: number; regression: boolean }) {
  const shown = columns.slice(0, 20);
  const most = Math.max(1e-12, ...shown.map((c) => c.rise));
  return (
    <section class="card panel" aria-labelledby="importance-title">
      <h2 id="importance-title">
        Columns that matter{" "}
        <span class="muted">how much the {regression ? "mean squared error" : "log loss"} grows when a column's values are exchanged, on {count(sampled, "test row")}</span>
      </h2>
      <table class="bars">
        <caption class="hidden">Importance of columns, most important first</caption>
        <tbody>
          {shown.map((c) => (
            <tr key={c.column}>
              <th scope="row" title={c.column}>{c.column}</th>
              <td><span class="bar-line"><span style={{ width: `${Math.max(0, (100 * c.rise) / most)}%` }} /></span></td>
              <td class="num" title={String(c.rise)}>{significant(c.rise, 3)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {columns.length > shown.length && <p class="muted small">The first {shown.length} of {count(columns.length, "column")}.</p>}
    </section>
  );
}

export function Appraisal({ data }: { data: Data }) {
  const classes = data.classes ?? [];
  return (
    <section aria-label="On the sealed test rows">
      <h2 class="part">On the {grouped(data.rows)} sealed test rows</h2>
      <div class="views-2">
        {data.confusion !== undefined && <Confusion classes={classes} counts={data.confusion} />}
        {data.importance !== undefined && <Importance columns={data.importance} sampled={data.sampled ?? 0} regression={data.residuals !== undefined} />}
        {data.roc !== undefined && data.roc.length > 0 && <Roc curves={data.roc} />}
        {data.calibration !== undefined && <Calibration bins={data.calibration} binary={classes.length === 2 ? (classes[1] ?? null) : null} />}
        {data.residuals !== undefined && <Residuals data={data.residuals} />}
      </div>
    </section>
  );
}
