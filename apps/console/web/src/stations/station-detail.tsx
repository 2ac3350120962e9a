import type { AlertView, LimitView, StationView } from '@canh/contract/views.dto';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { stationsQuery } from '../api/stations.js';
import { SeriesPanel } from '../chart/series-panel.js';
import { useLatest, useLive, useOpenAlerts, useStanding } from '../live/hooks.js';
import { limitWord, whatHappened } from '../text/limit-words.js';
import { useText } from '../text/text.js';
import { go } from '../ui/address.js';
import { Age, Moment } from '../ui/age.js';
import { DetailPane, Facts, Section } from '../ui/pane.js';
import { PanelError } from '../ui/panel-error.js';
import { PanelEmpty, PanelLoading } from '../ui/panel-state.js';
import { PriorityMark } from '../ui/priority-mark.js';
import { Value } from '../ui/value.js';
import { DevicesSection } from './devices-section.js';
import { FlagBadge } from './flag-badge.js';
import style from './station-detail.module.css';
import { Heard } from './station-row.js';

const close = (): void => go({ station: null, metric: null });

export function StationDetail({ id }: { id: string }): ReactNode {
  const { words } = useText();
  const live = useLive();
  const query = useQuery(stationsQuery(live));
  const station = query.data?.find((one) => one.id === id);
  if (station !== undefined) return <Detail station={station} />;
  return (
    <DetailPane label={words.stations.title} close={close} head={<h2 className={style.title}>{id}</h2>}>
      {query.data !== undefined ? (
        <PanelEmpty title={words.problem.gone} />
      ) : query.error === null ? (
        <PanelLoading />
      ) : (
        <PanelError error={query.error} again={() => void query.refetch()} busy={query.isFetching} />
      )}
    </DetailPane>
  );
}

function Detail({ station }: { station: StationView }): ReactNode {
  const { words, format } = useText();
  const latest = useLatest(station.id) ?? station.latest;
  const alerts = useOpenAlerts().filter((alert) => alert.stationId === station.id);
  return (
    <DetailPane
      label={format.text(station.names)}
      close={close}
      head={
        <div>
          <h2 className={style.title}>{format.text(station.names)}</h2>
          <p className={style.under}>
            {words.stations.kind[station.kind]} · {format.text(station.areaNames)}
          </p>
          <p className={style.heard}>
            <Heard station={station} latest={latest} />
          </p>
        </div>
      }
    >
      {alerts.length > 0 && (
        <Section title={words.stations.openAlerts}>
          <ul className={style.alerts}>
            {alerts.map((alert) => (
              <li key={alert.id}>
                <OpenAlert alert={alert} />
              </li>
            ))}
          </ul>
        </Section>
      )}
      <SeriesPanel station={station} />
      <Section title={words.stations.last}>
        <table className={style.table}>
          <thead>
            <tr>
              <th scope="col">{words.stations.columns.metric}</th>
              <th scope="col" className={style.right}>
                {words.stations.columns.value}
              </th>
              <th scope="col">{words.stations.columns.flag}</th>
              <th scope="col">{words.stations.columns.measuredAt}</th>
            </tr>
          </thead>
          <tbody>
            {station.metrics.map((metric) => {
              const value = latest.find((one) => one.metric === metric.name);
              return (
                <tr key={metric.name}>
                  <th scope="row">{format.text(metric.names)}</th>
                  <td className={style.right}>
                    <strong>
                      <Value
                        of={
                          value === undefined
                            ? { kind: 'missing', because: words.stations.neverThis }
                            : { kind: 'value', value: value.value, decimals: metric.decimals, unit: metric.unit }
                        }
                      />
                    </strong>
                  </td>
                  <td>{value !== undefined && <FlagBadge flag={value.flag} always />}</td>
                  <td>
                    {value !== undefined && (
                      <>
                        <Moment at={value.measuredAt} />{' '}
                        <span className="quiet">
                          (<Age since={value.measuredAt} as={words.stations.ago} />)
                        </span>
                      </>
                    )}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </Section>
      {/* Canh reports on itself as a device, and takes no commands. */}
      {station.kind !== 'system' && <DevicesSection stationId={station.id} />}
      <Section title={words.stations.limits}>
        {station.limits.length === 0 ? (
          <p className="quiet">{words.stations.noLimits}</p>
        ) : (
          <Limits station={station} />
        )}
      </Section>
      <Section title={words.stations.facts}>
        <Facts
          of={[
            { name: words.stations.id, value: station.id },
            { name: words.stations.owner, value: station.ownerUnit },
            { name: words.stations.area, value: format.text(station.areaNames) },
            {
              name: words.stations.position,
              value: (
                <span className="number">
                  {words.stations.positionOf(format.number(station.latitude, 5), format.number(station.longitude, 5))}
                </span>
              ),
            },
            { name: words.stations.interval, value: format.age(station.intervalMs) },
            { name: words.stations.profile, value: station.profileId },
          ]}
        />
      </Section>
    </DetailPane>
  );
}

function OpenAlert({ alert }: { alert: AlertView }): ReactNode {
  const text = useText();
  const standing = useStanding(alert);
  const { words, format } = text;
  return (
    <button
      type="button"
      className={style.alert}
      onClick={() => go({ view: 'alerts', alert: alert.id, station: null, metric: null })}
    >
      <PriorityMark severity={alert.severity} state={alert.state} />
      <span className={style.alertWords}>
        <strong className="number hatched">{whatHappened(standing, alert, text)}</strong>
        <span className="quiet">
          {format.text(alert.ruleNames)}, {words.alerts.state[alert.state]}
        </span>
      </span>
    </button>
  );
}

function Limits({ station }: { station: StationView }): ReactNode {
  const { words, format } = useText();
  const inForce = ({ validFrom, validTo }: LimitView): string => {
    // `validTo` is the first moment without it; people say the last day with it.
    const last = validTo === null ? null : format.date(validTo - 1);
    if (validFrom !== null && last !== null) return words.stations.inForceSpan(format.date(validFrom), last);
    if (validFrom !== null) return words.stations.inForceFrom(format.date(validFrom));
    return last === null ? words.stations.alwaysInForce : words.stations.inForceTo(last);
  };
  return (
    <ul className={style.limits}>
      {station.limits.map((limit) => {
        const metric = station.metrics.find(({ name }) => name === limit.metric);
        return (
          <li key={`${limit.metric} ${limit.name} ${limit.validFrom ?? ''}`}>
            <strong>
              {limitWord(limit.name, words)}{' '}
              <span className="number">{format.quantity(limit.value, metric?.decimals ?? 2, metric?.unit ?? '')}</span>
            </strong>
            {metric !== undefined && station.metrics.length > 1 && <> {format.text(metric.names)}</>}
            <span className="quiet">
              , {inForce(limit)}, {limit.document}
            </span>
          </li>
        );
      })}
    </ul>
  );
}
