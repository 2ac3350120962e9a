import type { EvidenceView, LatestValueView, MetricView, SeriesView, StationView } from '@canh/contract/views.dto';
import { SegmentedControl } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { periods, seriesQuery, type Period } from '../api/stations.js';
import { useLatest, useLive, useOfOpenAlerts } from '../live/hooks.js';
import { limitWord } from '../text/limit-words.js';
import { useText } from '../text/text.js';
import type { Words } from '../text/vi.js';
import { go, useAddress } from '../ui/address.js';
import { PanelError } from '../ui/panel-error.js';
import { Plot, type Picture } from './plot.js';
import { limitLines, plotData, stretches } from './plot-data.js';
import style from './series-panel.module.css';

/** The least time between two drawings that new readings ask for. */
const refreshEveryMs = 3_000;

/**
 * One metric of a station over a period, with its limits and the times in which alerts fired. `evidence` is the reading and the limit
 * that decided an alert, for the alert's page.
 */
export function SeriesPanel({
  station,
  evidence = null,
}: {
  station: StationView;
  evidence?: EvidenceView | null;
}): ReactNode {
  const live = useLive();
  const { metric: asked, period } = useAddress();
  const metric =
    station.metrics.find(({ name }) => name === asked) ??
    station.metrics.find(({ name }) => name === evidence?.metric) ??
    station.metrics[0];
  if (metric === undefined) return null;
  return <Panel station={station} metric={metric} period={period} evidence={evidence} live={live} />;
}

interface Shown {
  readonly station: StationView;
  readonly metric: MetricView;
  readonly period: Period;
  readonly evidence: EvidenceView | null;
  readonly live: ReturnType<typeof useLive>;
}

function Panel({ station, metric, period, evidence, live }: Shown): ReactNode {
  const { words, format } = useText();
  const { metrics } = station;
  const choices = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // Only sideways: the page stays where it is.
    const row = choices.current;
    const chosen = row?.querySelector<HTMLElement>('[aria-pressed="true"]');
    if (row === null || chosen === null || chosen === undefined) return;
    const [room, own] = [row.getBoundingClientRect(), chosen.getBoundingClientRect()];
    if (own.left < room.left) row.scrollLeft -= room.left - own.left;
    else if (own.right > room.right) row.scrollLeft += Math.min(own.right - room.right, own.left - room.left);
  }, [metric.name]);
  return (
    <section className={style.panel} aria-label={words.chart.title}>
      <div className={style.choices}>
        {metrics.length > 1 && (
          <div ref={choices} className={style.metrics} role="group" aria-label={words.chart.metrics}>
            {metrics.map((one) => (
              <button
                key={one.name}
                type="button"
                className={style.metric}
                aria-pressed={one.name === metric.name}
                onClick={() => go({ metric: one.name }, 'replace')}
              >
                {format.text(one.names)}
              </button>
            ))}
          </div>
        )}
        {metrics.length === 1 && <h3 className={style.only}>{format.text(metric.names)}</h3>}
      </div>
      <Series
        key={`${station.id}/${metric.name}`}
        station={station}
        metric={metric}
        period={period}
        evidence={evidence}
        live={live}
      />
    </section>
  );
}

/** How far back the chart goes. */
function PeriodChoice(): ReactNode {
  const { words } = useText();
  const { period } = useAddress();
  return (
    <SegmentedControl
      className={style.period ?? ''}
      aria-label={words.chart.period}
      value={period}
      onChange={(value) => go({ period: value }, 'replace')}
      data={periods.map((value) => ({ value, label: words.chart.periods[value] }))}
      transitionDuration={0}
    />
  );
}

function Series({ station, metric, period, evidence, live }: Shown): ReactNode {
  const text = useText();
  const { words, format } = text;
  const query = useQuery(seriesQuery(live, { stationId: station.id, metric: metric.name, period }));
  const latest = (useLatest(station.id) ?? station.latest).find((value) => value.metric === metric.name);
  const [over, setOver] = useState<number | null>(null);
  useRefreshed(station.id, metric.name);

  const series = query.data;
  const { intervalMs } = station;
  const picture = useMemo((): Picture | null => {
    if (series === undefined || series.buckets.length === 0) return null;
    const { from, to, decimals } = series;
    const limits = limitLines(series.limits, { from, to }, (limit) => limitWord(limit.name, words));
    const ours = evidence !== null && evidence.metric === series.metric ? evidence : null;
    // A limit that the rule sets is in no document of the station, but the alert is about it.
    if (ours !== null && ours.limit !== null && !limits.some(({ value }) => value === ours.limit)) {
      limits.push({ label: limitWord(ours.limitName, words), value: ours.limit, from, to });
    }
    return {
      data: plotData(series.buckets, series.bucketMs, intervalMs),
      from,
      to,
      decimals,
      limits,
      firing: stretches(series.firing, { from, to }),
      mark: ours === null ? null : { at: ours.measuredAt, value: ours.value },
    };
  }, [series, intervalMs, evidence, words]);

  if (query.error !== null && series === undefined)
    return <PanelError error={query.error} again={() => void query.refetch()} busy={query.isFetching} />;
  if (series === undefined) return <div className={style.waiting} role="status" aria-label={words.loading} />;
  if (picture === null) {
    return (
      <>
        <div className={style.waiting}>{words.chart.empty}</div>
        <div className={style.below}>
          <PeriodChoice />
        </div>
      </>
    );
  }

  const quantity = (value: number): string => format.quantity(value, series.decimals, series.unit);
  const lowest = Math.min(...series.buckets.map(({ min }) => min));
  const highest = Math.max(...series.buckets.map(({ max }) => max));
  const moment = (at: number): string => format.moment(at, series.to);
  const summary = [
    ...newestOf(latest, series, quantity, moment, words),
    words.chart.range(quantity(lowest), quantity(highest)),
  ].join('; ');
  return (
    <>
      <div className={`${style.drawing} hatched`} data-old={query.isPlaceholderData}>
        <Plot
          picture={picture}
          format={format}
          over={setOver}
          label={`${words.chart.describes(format.text(metric.names), format.text(station.names))}, ${words.chart.periods[period]}: ${summary}`}
        />
      </div>
      <div className={style.below}>
        <p className={`${style.readout} number`}>
          {over === null ? summary : readout(picture, over, quantity, moment, words)}
        </p>
        <PeriodChoice />
      </div>
    </>
  );
}

/** The newest reading as it was measured; from the drawing's last step where it is not known, and then a span if several share it. */
function newestOf(
  latest: LatestValueView | undefined,
  { buckets, from }: SeriesView,
  quantity: (value: number) => string,
  moment: (at: number) => string,
  words: Words,
): string[] {
  if (latest !== undefined && latest.measuredAt >= from)
    return [words.chart.newest(quantity(latest.value), moment(latest.measuredAt))];
  const last = buckets.at(-1);
  if (last === undefined) return [];
  const value = last.min === last.max ? quantity(last.max) : words.chart.span(quantity(last.min), quantity(last.max));
  return [words.chart.newest(value, moment(last.at))];
}

/** `02:10: trung bình 6,12 m (6,08 m đến 6,15 m)` */
function readout(
  { data }: Picture,
  index: number,
  quantity: (value: number) => string,
  moment: (at: number) => string,
  words: Words,
): string {
  const [seconds, low, high, mean, suspect] = [
    data[0][index],
    data[1][index],
    data[2][index],
    data[3][index],
    data[4][index],
  ];
  if (seconds === undefined) return '';
  const at = moment(seconds * 1_000);
  if (mean === null || mean === undefined) return words.chart.at(at, words.missing);
  // A mean is a value that nobody measured, and says so.
  const value =
    low !== null && low !== undefined && high !== null && high !== undefined && low !== high
      ? `${words.chart.meanOf(quantity(mean))} (${words.chart.span(quantity(low), quantity(high))})`
      : quantity(mean);
  return words.chart.at(at, `${value}${suspect === null || suspect === undefined ? '' : `, ${words.chart.suspect}`}`);
}

/** Asks again when the stream tells of a newer reading of this metric or of an alert of this station. */
function useRefreshed(stationId: string, metric: string): void {
  const live = useLive();
  const client = useQueryClient();
  const alerts = useOfOpenAlerts((open) =>
    open
      .filter((alert) => alert.stationId === stationId)
      .map((alert) => `${alert.id} ${alert.version}`)
      .toSorted()
      .join(),
  );

  useEffect(() => {
    const queryKey = ['series', stationId, metric];
    const newestOf = (): number => live.latestOf(stationId)?.find((value) => value.metric === metric)?.measuredAt ?? 0;
    let seen = newestOf();
    let asked = performance.now();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const refresh = (): void => {
      timer = undefined;
      asked = performance.now();
      void client.invalidateQueries({ queryKey });
    };
    const stop = live.onLatest(stationId, () => {
      const newest = newestOf();
      if (newest === seen || timer !== undefined) return;
      seen = newest;
      timer = setTimeout(refresh, Math.max(0, asked + refreshEveryMs - performance.now()));
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [live, client, stationId, metric]);

  useEffect(() => {
    void client.invalidateQueries({ queryKey: ['series', stationId] });
  }, [client, stationId, alerts]);
}
