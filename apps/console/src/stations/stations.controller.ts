import { Controller, Get, Param, Query } from '@nestjs/common';
import { AlertDesk } from '@canh/core/alerts/alert-store';
import { LiveSeries } from '@canh/core/series/live-series';
import type { SeriesSpan } from '@canh/core/series/series-store';
import { SeriesQuery } from '@canh/contract/commands.dto';
import { SeriesView, StationView } from '@canh/contract/views.dto';
import { Directories } from '../directory.js';
import { badSpan, unknownMetric, unknownStation } from '../problem.js';
import { seriesView, type Fired } from '../views/series-view.js';
import { byStation, stationView } from '../views/station-view.js';
import { bucketWidthMs } from './bucket-width.js';

const USUAL_STEPS = 400;
/** Alerts of one drawing whose changes of severity are looked up; the older ones are told by their worst. */
const MAX_HISTORIES = 20;

@Controller('api/stations')
export class StationsController {
  constructor(
    private readonly directories: Directories,
    private readonly live: LiveSeries,
    private readonly alerts: AlertDesk,
  ) {}

  /** All stations with their newest values. */
  @Get()
  async stations(): Promise<StationView[]> {
    const [{ stations }, { readings }] = await Promise.all([this.directories.now(), this.live.latestAfter(0)]);
    const latest = byStation(readings);
    return [...stations.values()].map((known) => stationView(known, latest.get(known.station.id) ?? []));
  }

  /** One metric of a station over a span, in steps of a round width, with its limits and when alerts were firing. */
  @Get(':id/series')
  async series(@Param('id') stationId: string, @Query() { metric, from, to, steps }: SeriesQuery): Promise<SeriesView> {
    const known = (await this.directories.now()).stations.get(stationId);
    if (known === undefined) throw unknownStation(stationId);
    const measured = known.metrics.find(({ name }) => name === metric);
    if (measured === undefined) throw unknownMetric(stationId, metric);
    const bucketMs = from < to ? bucketWidthMs(to - from, steps ?? USUAL_STEPS) : null;
    if (bucketMs === null) throw badSpan();
    const span = { stationId, metric, from, to };
    const [buckets, fired] = await Promise.all([this.live.buckets(span, bucketMs), this.fired(span)]);
    return seriesView(span, bucketMs, measured, known.station, buckets, fired);
  }

  private async fired({ stationId, metric, from, to }: SeriesSpan): Promise<Fired[]> {
    const alerts = await this.alerts.ofStation(stationId, from, to);
    const ours = alerts.filter(({ evidence }) => evidence.metric === metric);
    return Promise.all(
      ours.map(async (alert, place): Promise<Fired> => {
        // The first version of an alert is all of its history.
        const changed = alert.version > 1 && place >= ours.length - MAX_HISTORIES;
        return { alert, history: changed ? ((await this.alerts.one(alert.id))?.history ?? []) : [] };
      }),
    );
  }
}
