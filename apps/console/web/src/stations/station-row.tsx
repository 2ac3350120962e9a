import type { LatestValueView, MetricView, StationView } from '@canh/contract/views.dto';
import type { DeviceKind } from '@canh/core/stations/profile';
import { memo, type ReactNode } from 'react';
import { useClock, useLatest, useLive, useOfOpenAlerts } from '../live/hooks.js';
import { useText } from '../text/text.js';
import { Age } from '../ui/age.js';
import { AirIcon, CameraIcon, ClockIcon, WaterIcon, WrenchIcon } from '../ui/icons.js';
import { PriorityMark } from '../ui/priority-mark.js';
import { Value } from '../ui/value.js';
import { FlagBadge } from './flag-badge.js';
import { hearingOf } from './hearing.js';
import style from './station-row.module.css';
import { metricsToShow, worstAt } from './station-summary.js';

const kindIcons: Record<DeviceKind, typeof WaterIcon> = {
  water: WaterIcon,
  environmental: AirIcon,
  'traffic-camera': CameraIcon,
  system: WrenchIcon,
};

export const StationRow = memo(function StationRow({
  station,
  chosen,
  place,
  of,
  open,
}: {
  station: StationView;
  chosen: boolean;
  place: number;
  of: number;
  open: (id: string) => void;
}): ReactNode {
  const { format } = useText();
  const latest = useLatest(station.id) ?? station.latest;
  const alarming = useOfOpenAlerts((open) => worstAt(open, station.id)?.evidence.metric ?? null);
  return (
    <li
      className={style.row}
      data-station-id={station.id}
      data-chosen={chosen}
      data-testid="station-row"
      aria-posinset={place}
      aria-setsize={of}
    >
      <button
        type="button"
        className={style.open}
        data-row
        aria-current={chosen ? 'true' : undefined}
        onClick={() => open(station.id)}
      >
        <Mark station={station} />
        <span className={style.name}>
          <span className={style.station}>{format.text(station.names)}</span>
          <span className={style.area}>{format.place(station.areaNames)}</span>
        </span>
        <span className={style.values}>
          {metricsToShow(station.metrics, latest, alarming).map((metric) => (
            <MetricValue
              key={metric.name}
              metric={metric}
              latest={latest.find((value) => value.metric === metric.name)}
            />
          ))}
        </span>
        <span className={style.heard}>
          <Heard station={station} latest={latest} />
        </span>
      </button>
    </li>
  );
});

/** The worst alert that is active there, or else what kind of station it is. */
function Mark({ station }: { station: StationView }): ReactNode {
  const { words } = useText();
  const severity = useOfOpenAlerts((open) => worstAt(open, station.id)?.severity ?? null);
  const state = useOfOpenAlerts((open) => worstAt(open, station.id)?.state ?? null);
  if (severity !== null && state !== null) return <PriorityMark severity={severity} state={state} />;
  const Icon = kindIcons[station.kind];
  return (
    <span
      className={style.kind}
      role="img"
      aria-label={words.stations.kind[station.kind]}
      title={words.stations.kind[station.kind]}
    >
      <Icon />
    </span>
  );
}

function MetricValue({ metric, latest }: { metric: MetricView; latest: LatestValueView | undefined }): ReactNode {
  const { words, format } = useText();
  return (
    <span className={style.value}>
      <span className={style.metric} title={format.text(metric.names)}>
        {format.text(metric.names)}
      </span>
      <strong>
        <Value
          of={
            latest === undefined
              ? { kind: 'missing', because: words.stations.neverThis }
              : { kind: 'value', value: latest.value, decimals: metric.decimals, unit: metric.unit }
          }
        />
      </strong>{' '}
      {latest !== undefined && <FlagBadge flag={latest.flag} />}
    </span>
  );
}

/** How old the newest reading is, and whether the station should have been heard again by now. */
export function Heard({ station, latest }: { station: StationView; latest: readonly LatestValueView[] }): ReactNode {
  const { words } = useText();
  const live = useLive();
  const kind = useClock((now) => hearingOf(latest, station.intervalMs, now).kind);
  const hearing = hearingOf(latest, station.intervalMs, live.now());
  if (kind === 'never' || hearing.kind === 'never') {
    return (
      <span className={style.overdue}>
        <WrenchIcon width={16} height={16} /> {words.stations.never}
      </span>
    );
  }
  return (
    <>
      <Age since={hearing.measuredAt} as={words.stations.ago} />
      {kind === 'overdue' && (
        <span className={style.overdue} data-testid="overdue">
          <WrenchIcon width={16} height={16} /> {words.stations.overdue}
        </span>
      )}
      {kind === 'backlog' && (
        <span className={style.backlog}>
          <ClockIcon width={16} height={16} /> {words.stations.backlog}
        </span>
      )}
    </>
  );
}
