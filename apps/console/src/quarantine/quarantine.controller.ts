import { Controller, Get } from '@nestjs/common';
import { QuarantineDesk } from '@canh/core/readings/quarantine';
import { QuarantineView } from '@canh/contract/views.dto';
import { quarantineView } from '../views/quarantine-view.js';

const NEWEST = 200;

@Controller('api/quarantine')
export class QuarantineController {
  constructor(private readonly desk: QuarantineDesk) {}

  /** What arrived and could not be a reading: how many by reason, and the newest 200. */
  @Get()
  async quarantine(): Promise<QuarantineView> {
    const [counts, newest] = await Promise.all([this.desk.counts(), this.desk.newest(NEWEST)]);
    return quarantineView(counts, newest);
  }
}
