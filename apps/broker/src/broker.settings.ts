import { IsBoolean, IsInt, Max, Min } from 'class-validator';
import { HttpSettings } from '@canh/runtime/http.settings';
import { Setting } from '@canh/runtime/settings';

export class BrokerSettings extends HttpSettings {
  @Setting({ name: 'CANH_MQTT_PORT', says: 'Port for MQTT 3.1.1 over TCP; 0 takes a free one.' })
  @IsInt()
  @Min(0)
  @Max(65_535)
  readonly mqttPort: number = 1883;

  @Setting({ name: 'CANH_WS_PORT', says: 'Port for MQTT over WebSocket, path /mqtt; 0 takes a free one.' })
  @IsInt()
  @Min(0)
  @Max(65_535)
  readonly wsPort: number = 8083;

  @Setting({
    name: 'CANH_MESSAGE_MAX_BYTES',
    says: 'A message with a larger payload is refused at every door for devices.',
  })
  @IsInt()
  @Min(1_024)
  @Max(786_432)
  readonly messageMaxBytes: number = 262_144;

  @Setting({
    name: 'CANH_MQTT_LANE',
    says: 'Telemetry is read from MQTT connections in front of Aedes, at a tenth of its cost; false leaves every packet to Aedes.',
  })
  @IsBoolean()
  readonly mqttLane: boolean = true;

  @Setting({
    name: 'CANH_DISK_WARN_MB',
    says: 'Below so many free megabytes of the data folder, /health/ready warns; 0 never does.',
  })
  @IsInt()
  @Min(0)
  readonly diskWarnMb: number = 2_048;

  @Setting({
    name: 'CANH_SELF_REPORT_SECONDS',
    says: 'So often Canh reports how it is itself, as the station canh whose rules are in devices/system/canh; 0 never does.',
  })
  @IsInt()
  @Min(0)
  @Max(3_600)
  readonly selfReportSeconds: number = 60;
}
