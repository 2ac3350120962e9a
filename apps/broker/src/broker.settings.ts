import { IsBoolean, IsIn, IsInt, Max, Min } from 'class-validator';
import { HttpSettings } from '@canh/runtime/http.settings';
import { Setting } from '@canh/runtime/settings';

/** Where MQTT may be spoken in the open once there is a certificate. */
export const PLAIN_MQTT = ['loopback', 'everywhere', 'off'] as const;

export class BrokerSettings extends HttpSettings {
  @Setting({ name: 'CANH_MQTT_PORT', says: 'Port for MQTT 3.1.1 over TCP; 0 takes a free one.' })
  @IsInt()
  @Min(0)
  @Max(65_535)
  readonly mqttPort: number = 1883;

  @Setting({
    name: 'CANH_MQTTS_PORT',
    says: 'Port for MQTT 3.1.1 over TLS, once CANH_TLS_CERT_FILE names a certificate; 0 takes a free one.',
  })
  @IsInt()
  @Min(0)
  @Max(65_535)
  readonly mqttsPort: number = 8883;

  @Setting({
    name: 'CANH_MQTT_PLAIN',
    says: 'Where MQTT is spoken without TLS once there is a certificate: loopback (this machine), everywhere (CANH_HOST) or off.',
  })
  @IsIn(PLAIN_MQTT)
  readonly mqttPlain: (typeof PLAIN_MQTT)[number] = 'loopback';

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
    name: 'CANH_DEVICE_MESSAGES_PER_SECOND',
    says: 'A device that sends more over MQTT is read from no faster than this; nothing that it sends is dropped.',
  })
  @IsInt()
  @Min(10)
  @Max(1_000_000)
  readonly deviceMessagesPerSecond: number = 10_000;

  @Setting({
    name: 'CANH_MQTT_CONNECTIONS',
    says: 'MQTT connections at once; one more is hung up on.',
  })
  @IsInt()
  @Min(1)
  @Max(1_000_000)
  readonly mqttConnections: number = 12_000;

  @Setting({
    name: 'CANH_MQTT_CONNECTIONS_PER_ADDRESS',
    says: 'Of them from one address, or one network of IPv6, but for this machine’s own: a mobile network may stand for many devices.',
  })
  @IsInt()
  @Min(1)
  @Max(1_000_000)
  readonly mqttConnectionsPerAddress: number = 2_000;

  @Setting({
    name: 'CANH_MQTT_CONNECTS_PER_SECOND',
    says: 'So many MQTT connections are let in each second; others wait for their turn.',
  })
  @IsInt()
  @Min(1)
  @Max(100_000)
  readonly mqttConnectsPerSecond: number = 1_000;

  @Setting({
    name: 'CANH_MQTT_CONNECT_SECONDS',
    says: 'A connection that has not said CONNECT by then is hung up on.',
  })
  @IsInt()
  @Min(1)
  @Max(600)
  readonly mqttConnectSeconds: number = 10;

  @Setting({
    name: 'CANH_MQTT_CONNECT_MAX_BYTES',
    says: 'A CONNECT with more bytes is hung up on before it is in memory; a will is part of it.',
  })
  @IsInt()
  @Min(256)
  @Max(262_144)
  readonly mqttConnectMaxBytes: number = 4_096;

  @Setting({
    name: 'CANH_MQTT_KEEPALIVE_MAX_SECONDS',
    says: 'A client must ask for a keep-alive, and for none longer than this; 0 takes any, also none.',
  })
  @IsInt()
  @Min(0)
  @Max(65_535)
  readonly mqttKeepaliveMaxSeconds: number = 3_600;

  @Setting({
    name: 'CANH_MQTT_FILTERS_MAX',
    says: 'Filters in one SUBSCRIBE or UNSUBSCRIBE.',
  })
  @IsInt()
  @Min(1)
  @Max(1_000)
  readonly mqttFiltersMax: number = 20;

  @Setting({
    name: 'CANH_MQTT_SESSIONS_PER_DEVICE',
    says: 'Sessions of one device that outlive their connections; one more takes the place of the one that was not used for longest.',
  })
  @IsInt()
  @Min(1)
  @Max(100)
  readonly mqttSessionsPerDevice: number = 4;

  @Setting({
    name: 'CANH_MQTT_SESSION_DAYS',
    says: 'A session that no client has used for so many days of Canh running is forgotten, with what waits in it.',
  })
  @IsInt()
  @Min(1)
  @Max(3_650)
  readonly mqttSessionDays: number = 30;

  @Setting({
    name: 'CANH_MQTT_QUEUE_MESSAGES',
    says: 'Messages that wait for one session; for one more the oldest is dropped.',
  })
  @IsInt()
  @Min(1)
  @Max(10_000)
  readonly mqttQueueMessages: number = 100;

  @Setting({
    name: 'CANH_MQTT_QUEUE_KB',
    says: 'Kilobytes that wait for one session; for more the oldest messages are dropped.',
  })
  @IsInt()
  @Min(64)
  @Max(65_536)
  readonly mqttQueueKb: number = 1_024;

  @Setting({
    name: 'CANH_MQTT_RETAINED_TOPICS',
    says: 'Topics with a retained message; one more is not kept.',
  })
  @IsInt()
  @Min(0)
  @Max(100_000)
  readonly mqttRetainedTopics: number = 1_000;

  @Setting({
    name: 'CANH_DISK_WARN_MB',
    says: 'Below so many free megabytes of the data folder, /health/ready warns; 0 never does.',
  })
  @IsInt()
  @Min(0)
  readonly diskWarnMb: number = 2_048;
}
