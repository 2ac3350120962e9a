import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { QuarantineDesk } from '@canh/core/readings/quarantine';
import { QuarantineFilter, ReplayQuarantined } from '@canh/contract/commands.dto';
import { QuarantineView, ReplayRequestedView } from '@canh/contract/views.dto';
import { badSpan, nothingSelected, onlyAdministrators } from '../problem.js';
import type { SignedIn } from '../sign-in/sessions.js';
import { ByOperator } from '../sign-in/signed-in.js';
import { quarantineView } from '../views/quarantine-view.js';

const NEWEST = 200;
const EXCERPT_BYTES = 240;
/** Of one device, whoever asks wants to read them. */
const EXCERPT_OF_A_DEVICE_BYTES = 4_096;

@Controller('api/quarantine')
export class QuarantineController {
  constructor(private readonly desk: QuarantineDesk) {}

  /** What arrived and is not stored as a reading: how many by reason, and the newest 200 of what is asked for. */
  @Get()
  async quarantine(@Query() filter: QuarantineFilter): Promise<QuarantineView> {
    refuseBadSpan(filter);
    const [counts, newest] = await Promise.all([this.desk.counts(), this.desk.newest(filter, NEWEST)]);
    return quarantineView(counts, newest, filter.deviceId === undefined ? EXCERPT_BYTES : EXCERPT_OF_A_DEVICE_BYTES);
  }

  /** Asks for messages to be decoded once more, after what was wrong with them was mended. For administrators. */
  @Post('replay')
  @HttpCode(200)
  async replay(
    @Body() { all, ...filter }: ReplayQuarantined,
    @ByOperator() { operator }: SignedIn,
  ): Promise<ReplayRequestedView> {
    if (operator.role !== 'admin') throw onlyAdministrators();
    refuseBadSpan(filter);
    if (all !== true && Object.values(filter).every((named) => named === undefined)) throw nothingSelected();
    return { messages: await this.desk.requestReplay(filter) };
  }
}

function refuseBadSpan({ from, to }: QuarantineFilter): void {
  if (from !== undefined && to !== undefined && from >= to) throw badSpan();
}
