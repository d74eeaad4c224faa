import { en, type Words } from "./words/en";
import { zh } from "./words/zh";
import { language, useCell } from "./store";

export type { Words };

export function words(): Words {
  return language.value === "zh" ? zh : en;
}

export function useWords(): Words {
  useCell(language);
  return words();
}

/** Local date and time of an RFC 3339 text, to the minute or the second. */
export function timeText(text: string | Date, seconds = false): string {
  const date = typeof text === "string" ? new Date(text) : text;
  return new Intl.DateTimeFormat(language.value === "zh" ? "zh-CN" : "en-GB", {
    year: "numeric",
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    ...(seconds ? { second: "2-digit" } : {}),
  }).format(date);
}

export function clock(date: Date): string {
  return new Intl.DateTimeFormat(language.value === "zh" ? "zh-CN" : "en-GB", {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  }).format(date);
}
