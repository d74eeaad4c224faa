// The catalog in force as its authors wrote it: what the report does not repeat (plan, targeting,
// metric definitions).
import { useEffect, useState } from "preact/hooks";
import { Refused, request } from "./api";

export interface Definition {
  name?: string;
  hypothesis?: string;
  owner?: string;
  status?: string;
  start?: string | null;
  end?: string | null;
  iteration?: number;
  unit?: string;
  layer?: string;
  share?: number;
  holdout?: string;
  holdouts?: string[];
  when?: unknown;
  control?: string;
  variants?: Record<string, { weight?: number; description?: string; set?: Record<string, unknown> }>;
  report_by?: string[];
  ramp?: { at: string; share: number }[];
  metrics?: Record<string, MetricDefinition>;
  plan?: {
    primary?: string;
    guardrails?: Record<string, { margin?: { relative?: number; absolute?: number } }>;
    secondary?: string[];
    alpha?: number;
    correction?: { secondary?: string };
    sequential?: { type?: string };
    min_days?: number;
  };
}

export interface MetricDefinition {
  type?: string;
  days?: number | [number, number];
  day?: number;
  quantile?: number;
  steps?: unknown[];
  [key: string]: unknown;
}

export interface Catalog {
  experiments?: Record<string, Definition>;
  metrics?: Record<string, MetricDefinition>;
  attributes?: Record<string, string>;
  [key: string]: unknown;
}

/** The text as published; empty before the first. */
export async function catalogSource(): Promise<{ text: string; etag: string }> {
  try {
    const { body, etag } = await request<string>("GET", "/v1/catalog/source", { as: "text" });
    return { text: body, etag };
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return { text: "", etag: "" };
    throw error;
  }
}

export function useCatalog(etag: string): Catalog | null {
  const [catalog, setCatalog] = useState<Catalog | null>(null);
  useEffect(() => {
    let current = true;
    if (!etag) return;
    catalogSource().then(
      ({ text }) => {
        try {
          if (current) setCatalog(text ? (JSON.parse(text) as Catalog) : null);
        } catch {
          if (current) setCatalog(null); // The server takes more than JSON.parse does; the report stands by itself.
        }
      },
      () => undefined,
    );
    return () => {
      current = false;
    };
  }, [etag]);
  return catalog;
}

export function catalogExperiment(catalog: Catalog | null, name: string): Definition | null {
  return catalog?.experiments?.[name] ?? null;
}

export function metricDefinition(catalog: Catalog | null, experiment: string, metric: string): MetricDefinition | null {
  return catalog?.experiments?.[experiment]?.metrics?.[metric] ?? catalog?.metrics?.[metric] ?? null;
}
