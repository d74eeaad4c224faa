// Charts by Observable Plot. Each has a title, a sentence that says how to read it, and its numbers
// as a table, so that nothing is only in the picture.
import * as Plot from "@observablehq/plot";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useWords } from "../i18n";

export type Marks = (width: number) => Plot.PlotOptions;

export interface Table {
  head: string[];
  rows: (string | number)[][];
}

export function Chart({
  title,
  hint,
  options,
  table,
  legend,
  depends,
}: {
  title: string;
  hint?: string;
  options: Marks;
  table: Table;
  legend?: { name: string; color: string }[];
  depends: unknown[];
}) {
  const w = useWords();
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);

  useLayoutEffect(() => {
    const node = box.current!;
    const observer = new ResizeObserver(() => setWidth(Math.floor(node.clientWidth)));
    observer.observe(node);
    setWidth(Math.floor(node.clientWidth));
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    if (width < 50) return;
    const svg = Plot.plot({
      className: "plot",
      width,
      height: width < 480 ? 220 : 260,
      marginLeft: 62,
      marginRight: 16,
      style: { background: "transparent", fontSize: "12px", overflow: "visible" } as Partial<CSSStyleDeclaration>,
      ...options(width),
    });
    // Its style sheet is in ours: the page's policy allows no inline one.
    svg.querySelectorAll("style").forEach((style) => style.remove());
    // The box around it is the image to a screen reader; the parts of a chart say nothing by themselves.
    svg.setAttribute("aria-hidden", "true");
    box.current!.replaceChildren(svg);
  }, [width, title, ...depends]);

  return (
    <figure class="chart">
      <figcaption>
        <h3>{title}</h3>
        {hint && <p class="muted small">{hint}</p>}
        {legend && legend.length > 0 && (
          <ul class="legend">
            {legend.map((entry) => (
              <li key={entry.name}>
                <svg width="12" height="12" aria-hidden="true">
                  <rect width="12" height="12" rx="3" fill={entry.color} />
                </svg>
                <bdi>{entry.name}</bdi>
              </li>
            ))}
          </ul>
        )}
      </figcaption>
      <div class="plot-box" role="img" aria-label={title} ref={box} />
      <Numbers summary={w.common.table} table={table} />
    </figure>
  );
}

export function Numbers({ summary, table }: { summary: string; table: Table }) {
  const [open, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{summary}</summary>
      {open && (
        <div class="scroll" tabIndex={0} role="region" aria-label={summary}>
          <table class="plain">
            <thead>
              <tr>
                {table.head.map((name) => (
                  <th scope="col" key={name}>
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {table.rows.map((row, i) => (
                <tr key={i}>
                  {row.map((cell, j) => (
                    <td key={j}>{cell}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}

/** The colour of a variant: control is grey, the others follow in an order safe for colour-blind eyes. */
export function colorOf(index: number): string {
  return index === 0 ? "var(--series-0)" : `var(--series-${((index - 1) % 5) + 1})`;
}
