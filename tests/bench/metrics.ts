/** prom-client's histogram measures from one tick of a timer to the next: this much of it is no delay. */
export const TICK_MS = 10;

export type Total = (metric: string) => number;

/** What /metrics says now; a metric with labels is added up. */
export async function scrape(url: string): Promise<Total> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return (name) => {
    let sum = 0;
    for (const [, value] of text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))) sum += Number(value);
    return sum;
  };
}

/** Of the thread that answers /metrics, since it was asked last. */
export async function loopDelayP99Ms(url: string): Promise<number> {
  const total = await scrape(url);
  return Math.max(0, total('nodejs_eventloop_lag_p99_seconds') * 1000 - TICK_MS);
}
