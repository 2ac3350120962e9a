import { Module, type DynamicModule } from '@nestjs/common';
import { Health, HealthController } from './health.js';
import { Metrics, MetricsController } from './metrics.js';

/** `/health/live`, `/health/ready` and `/metrics` of one process, whatever parts run in it. */
@Module({})
export class OperatingModule {
  static register(health: Health, metrics: Metrics): DynamicModule {
    return {
      module: OperatingModule,
      global: true,
      controllers: [HealthController, MetricsController],
      providers: [
        { provide: Health, useValue: health },
        { provide: Metrics, useValue: metrics },
      ],
      exports: [Health, Metrics],
    };
  }
}
