// Numbers as the text report writes them (server/report/words.cpp), so that the same number reads
// the same everywhere.
import type { Interval, Num, Range } from "./report";

const nbsp = "\u00a0";

export function grouped(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

export function count(value: number): string {
  return grouped(String(Math.round(value)));
}

function scientific(value: number, digits: number): string {
  return value.toExponential(digits).replace(/e([+-])(\d)$/, "e$10$2");
}

export function number(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 1e15 || size < 1e-4) return scientific(value, 2);
  if (size >= 1000) return grouped(value.toFixed(0));
  const decimals = Math.max(0, 3 - Math.floor(Math.log10(size)));
  return value.toFixed(Math.min(decimals, 6));
}

export function percent(value: number): string {
  const size = Math.abs(value * 100);
  if (size >= 10000) return `${scientific(value * 100, 2)}${nbsp}%`;
  return `${(value * 100).toFixed(size < 1 ? 2 : 1)}${nbsp}%`;
}

export function signedPercent(value: number): string {
  return (value < 0 ? "" : "+") + percent(value);
}

export function signedNumber(value: number): string {
  return (value < 0 ? "" : "+") + number(value);
}

export function pValueText(value: number): string {
  if (value < 1e-15) return "<" + nbsp + "1e-15";
  if (value < 1e-4) return scientific(value, 0);
  return value.toFixed(value < 0.001 ? 4 : 3);
}

export type Scale = "relative" | "absolute";

export function lift(value: Num, scale: Scale): string {
  if (value === null) return "–";
  return scale === "relative" ? signedPercent(value) : signedNumber(value);
}

export function range(ci: Range, scale: Scale, open: string, to: string): string {
  if (!ci) return "";
  const end = (v: Num) => (v === null ? open : lift(v, scale));
  return `${end(ci[0])}${nbsp}${to} ${end(ci[1])}`;
}

/** The interval that exists, or null: an estimate is never shown without one. */
export function complete(interval: Interval): boolean {
  return interval.estimate !== null && interval.ci !== null;
}

/** A share that was chosen by somebody: without digits that say nothing. */
export function shortPercent(value: number): string {
  return `${Number((value * 100).toPrecision(4))}${nbsp}%`;
}

/** Labels of an axis: as short as the number allows. */
export function tick(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6 || (size > 0 && size < 1e-3)) return value.toExponential(0);
  return grouped(String(Number(value.toPrecision(4))));
}
export function percentTick(value: number): string {
  return shortPercent(value);
}
export function liftTick(value: number, scale: Scale): string {
  const text = scale === "relative" ? percentTick(value) : tick(value);
  return value > 0 ? `+${text}` : text;
}
export function dayTick(date: Date): string {
  return `${date.getMonth() + 1}-${String(date.getDate()).padStart(2, "0")}`;
}

/** What is not defined shows as a dash. */
export function orDash(value: Num | undefined, text: (value: number) => string): string {
  return value === null || value === undefined ? "–" : text(value);
}

/** "1 of 70", from a p-value, as words.cpp's Odds. */
export function odds(p: number): { of: string; n: string } | null {
  if (p >= 0.1) return { of: (p * 100).toFixed(0), n: "100" };
  if (p < 1e-6) return null;
  const oneIn = 1 / p;
  const step = 10 ** (Math.floor(Math.log10(oneIn)) - 1);
  return { of: "1", n: count(Math.round(oneIn / step) * step) };
}
