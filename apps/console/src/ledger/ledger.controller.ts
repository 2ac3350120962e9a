import { Controller, Get, Query } from '@nestjs/common';
import { hourOf, LedgerDesk } from '@canh/core/series/ledger';
import { LiveSeries } from '@canh/core/series/live-series';
import { DAY_MS, HOUR_MS } from '@canh/core/time/instant';
import { LedgerReadingsQuery, LedgerSpan } from '@canh/contract/commands.dto';
import { type BooksView, LedgerReadingsView, LedgerView } from '@canh/contract/views.dto';
import { Directories } from '../directory.js';
import { Now } from '../now.js';
import { badSpan, notAnHour, unknownDevice } from '../problem.js';
import { booksView, ledgerLineView, storedReadingView, totalsView } from '../views/ledger-view.js';
import { receivedInHour } from './received-in-hour.js';

const MOST_LINES = 5_000;

@Controller('api/ledger')
export class LedgerController {
  constructor(
    private readonly desk: LedgerDesk,
    private readonly live: LiveSeries,
    private readonly directories: Directories,
    private readonly clock: Now,
  ) {}

  /** What became of everything that was received, by device and hour, and how far the books are. */
  @Get()
  async ledger(@Query() { from: asked, to: until, deviceId }: LedgerSpan): Promise<LedgerView> {
    const now = this.clock.now();
    const to = until ?? now + 1;
    const from = asked ?? to - DAY_MS;
    if (from >= to) throw badSpan();
    const span = { from: hourOf(from), to: hourOf(to - 1) + HOUR_MS };
    const query = { ...span, ...(deviceId === undefined ? {} : { deviceId }) };
    const [found, directory, books] = await Promise.all([
      this.desk.lines(query, MOST_LINES + 1),
      this.directories.now(),
      this.books(),
    ]);
    const lines = found.slice(0, MOST_LINES);
    return {
      ...span,
      now,
      lines: lines.map((line) => ledgerLineView(line, directory)),
      totals: totalsView(lines),
      more: found.length > MOST_LINES,
      books,
    };
  }

  /** The stored readings of a device that were received within one hour. */
  @Get('readings')
  async readings(@Query() { deviceId, hour }: LedgerReadingsQuery): Promise<LedgerReadingsView> {
    if (hourOf(hour) !== hour) throw notAnHour();
    const [lines, { devices }] = await Promise.all([
      this.desk.lines({ from: hour, to: hour + HOUR_MS, deviceId }, 1),
      this.directories.now(),
    ]);
    const listed = devices.get(deviceId);
    const stored = lines[0]?.stored ?? 0;
    if (listed === undefined && lines.length === 0) throw unknownDevice(deviceId);
    const metrics = new Map((listed?.metrics ?? []).map((metric) => [metric.name, metric]));
    const readings =
      listed === undefined || stored === 0
        ? []
        : await receivedInHour(this.live, { device: listed.device, metrics: [...metrics.keys()], hour, stored });
    return {
      deviceId,
      hour,
      stored,
      readings: readings.map((reading) => storedReadingView(reading, metrics.get(reading.metric)!)),
    };
  }

  /** The ledger is in the records, and is shown also while the processor does not answer. */
  private async books(): Promise<BooksView | null> {
    try {
      return booksView(await this.live.status());
    } catch {
      return null;
    }
  }
}
