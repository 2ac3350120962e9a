import { Controller, Get, Param, Query } from '@nestjs/common';
import { AlertDesk } from '@canh/core/alerts/alert-store';
import { LiveSeries } from '@canh/core/series/live-series';
import { SeriesQuery } from '@canh/contract/commands.dto';
import { SeriesView, StationView } from '@canh/contract/views.dto';
import { Directories } from '../directory.js';
import { badSpan, unknownMetric, unknownStation } from '../problem.js';
import { seriesView } from '../views/series-view.js';
import { byStation, stationView } from '../views/station-view.js';
import { bucketWidthMs } from './bucket-width.js';

const USUAL_STEPS = 400;

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
    const [buckets, alerts] = await Promise.all([
      this.live.buckets(span, bucketMs),
      this.alerts.ofStation(stationId, from, to),
    ]);
    return seriesView(span, bucketMs, measured, known.station, buckets, alerts);
  }
}
