import type { AlertDetailView, AlertView, SeriesView } from '@canh/contract/views.dto';
import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, type ReactNode } from 'react';
import { alertDetailQuery } from '../api/alerts.js';
import { seriesQuery, stationsQuery } from '../api/stations.js';
import { SeriesPanel } from '../chart/series-panel.js';
import { useAlert, useLatest, useLive, useStanding } from '../live/hooks.js';
import { isAcknowledged, isActive, priorityOf } from '../live/order.js';
import { limitWord, valueAndLimit, whatHappened } from '../text/limit-words.js';
import { useText } from '../text/text.js';
import { go, useAddress } from '../ui/address.js';
import { Age, Moment } from '../ui/age.js';
import { DetailPane, Facts, Section } from '../ui/pane.js';
import { PanelError } from '../ui/panel-error.js';
import { PanelLoading } from '../ui/panel-state.js';
import { PriorityMark } from '../ui/priority-mark.js';
import { useNarrow } from '../ui/use-narrow.js';
import { AcknowledgeButton, Refusal } from './acknowledge-button.js';
import style from './alert-detail.module.css';
import { Deliveries, History } from './alert-story.js';

const close = (): void => go({ alert: null });

/** One alert: what is wrong, what to do, why it fired, who was told. */
export function AlertDetail({ id }: { id: string }): ReactNode {
  const { words } = useText();
  const live = useLive();
  const query = useQuery(alertDetailQuery(id));
  const fromStream = useAlert(id);
  const { refetch } = query;
  const fetched = query.data?.alert;
  // Whichever is newer: the stream tells of the change, the question brings its history.
  const alert = fromStream !== undefined && fromStream.version >= (fetched?.version ?? 0) ? fromStream : fetched;
  const missed = fromStream !== undefined && fetched !== undefined && fromStream.version > fetched.version;

  useEffect(() => {
    if (missed) void refetch();
  }, [missed, refetch]);
  useEffect(() => {
    if (fetched !== undefined) live.heardAlerts([fetched]);
  }, [live, fetched]);

  if (alert === undefined) {
    return (
      <DetailPane label={words.detail.title} close={close} head={<h2 className={style.title}>{words.detail.title}</h2>}>
        {query.error === null ? (
          <PanelLoading />
        ) : (
          <PanelError error={query.error} again={() => void refetch()} busy={query.isFetching} />
        )}
      </DetailPane>
    );
  }
  return <Detail alert={alert} detail={query.data} error={query.data === undefined ? query.error : null} />;
}

function Detail({
  alert,
  detail,
  error,
}: {
  alert: AlertView;
  detail: AlertDetailView | undefined;
  error: Error | null;
}): ReactNode {
  const text = useText();
  const { words, format } = text;
  const narrow = useNarrow();
  const live = useLive();
  const stations = useQuery(stationsQuery(live));
  const station = stations.data?.find(({ id }) => id === alert.stationId);
  const canAnswer = !isAcknowledged(alert);
  const standing = useStanding(alert);

  return (
    <DetailPane
      label={`${words.detail.title}: ${format.text(alert.stationNames)}`}
      close={close}
      head={<Head alert={alert} />}
      foot={
        narrow && canAnswer ? (
          <div className={style.answer} data-wide="false">
            <AcknowledgeButton alert={alert} prominent />
          </div>
        ) : null
      }
    >
      <Refusal alert={alert} />
      <div className={style.now}>
        <div>
          <p className={`${style.happened} hatched`}>{whatHappened(standing, alert, text)}</p>
          <p>
            <span className="hatched number">{valueAndLimit(standing, alert, text)}</span>{' '}
            <span className="quiet">
              (<MeasuredAt at={standing.measuredAt} />)
            </span>
          </p>
          <State alert={alert} />
        </div>
        {!narrow && canAnswer && (
          <div className={style.answer}>
            <AcknowledgeButton alert={alert} prominent />
          </div>
        )}
      </div>

      {station !== undefined ? (
        <SeriesPanel station={station} evidence={alert.evidence} />
      ) : stations.data !== undefined ? (
        <p className="quiet">{words.detail.noStation}</p>
      ) : stations.error !== null ? (
        <PanelError error={stations.error} again={() => void stations.refetch()} busy={stations.isFetching} />
      ) : (
        <PanelLoading rows={3} />
      )}

      {detail === undefined ? (
        error === null ? (
          <PanelLoading rows={4} />
        ) : (
          <PanelError error={error} />
        )
      ) : (
        <Guidance of={detail.guidance} />
      )}
      <Evidence alert={alert} station={station} />
      {detail !== undefined && (
        <>
          <Section title={words.detail.deliveries}>
            <Deliveries of={detail.deliveries} />
          </Section>
          <Section title={words.detail.history}>
            <History of={detail.history} unit={alert.unit} decimals={alert.decimals} />
          </Section>
        </>
      )}
    </DetailPane>
  );
}

function Head({ alert }: { alert: AlertView }): ReactNode {
  const { words, format } = useText();
  const priority = words.priority(priorityOf(alert.severity), words.severity[alert.severity]);
  return (
    <div className={style.head}>
      <PriorityMark severity={alert.severity} state={alert.state} />
      <div>
        <h2 className={style.title}>{format.text(alert.stationNames)}</h2>
        <p className={style.under}>
          {priority} · {format.text(alert.ruleNames)} · {format.text(alert.areaNames)}
        </p>
      </div>
    </div>
  );
}

function MeasuredAt({ at }: { at: number }): ReactNode {
  const { words, format } = useText();
  return <Age since={at} as={(age) => words.detail.measuredAt(format.time(at), age)} />;
}

function State({ alert }: { alert: AlertView }): ReactNode {
  const { words, format } = useText();
  const { acknowledgedBy, acknowledgedAt, returnedAt } = alert;
  return (
    <p data-testid="detail-state">
      <strong>{words.alerts.state[alert.state]}</strong>
      {acknowledgedBy !== null && acknowledgedAt !== null && (
        <> ({words.alerts.whoAt(acknowledgedBy, format.time(acknowledgedAt))})</>
      )}
      {', '}
      {words.detail.since(format.time(alert.since))},{' '}
      {isActive(alert) || returnedAt === null ? (
        <Age since={alert.since} as={words.detail.lasting} />
      ) : (
        <span className="number">{words.detail.lasted(format.age(returnedAt - alert.since))}</span>
      )}
      {alert.worst !== alert.severity && (
        <>, {words.detail.worst(words.priority(priorityOf(alert.worst), words.severity[alert.worst]))}</>
      )}
    </p>
  );
}

function Guidance({ of }: { of: AlertDetailView['guidance'] }): ReactNode {
  const { words, format } = useText();
  return (
    <Section title={words.detail.guidance}>
      <div className={style.guidance}>
        <p className={style.response}>{format.text(of.response)}</p>
        <dl className={style.because}>
          <div>
            <dt>{words.detail.consequence}</dt>
            <dd>{format.text(of.consequence)}</dd>
          </div>
          <div>
            <dt>{words.detail.cause}</dt>
            <dd>{format.text(of.cause)}</dd>
          </div>
        </dl>
      </div>
    </Section>
  );
}

function Evidence({
  alert,
  station,
}: {
  alert: AlertView;
  station: { id: string; metrics: readonly { name: string; names: { vi: string; en: string } }[] } | undefined;
}): ReactNode {
  const { words, format } = useText();
  const { evidence, decimals, unit } = alert;
  const metric = station?.metrics.find(({ name }) => name === evidence.metric);
  return (
    <Section
      title={words.detail.evidence}
      aside={
        station !== undefined && (
          <Button
            variant="subtle"
            onClick={() => go({ station: alert.stationId, alert: null, metric: evidence.metric })}
          >
            {words.detail.openStation}
          </Button>
        )
      }
    >
      <Facts
        of={[
          {
            name: words.detail.reading,
            value: (
              <>
                {metric === undefined ? evidence.metric : format.text(metric.names)}{' '}
                <strong className="number hatched">{format.quantity(evidence.value, decimals, unit)}</strong>,{' '}
                <Moment at={evidence.measuredAt} seconds />
              </>
            ),
          },
          { name: words.detail.flag, value: <EvidenceFlag alert={alert} known={station !== undefined} /> },
          {
            name: words.detail.limit,
            value: (
              <>
                {evidence.limitName === null ? words.detail.limitInRule : limitWord(evidence.limitName, words)}{' '}
                {evidence.limit === null ? (
                  words.alerts.noLimit
                ) : (
                  <strong className="number">{format.quantity(evidence.limit, decimals, unit)}</strong>
                )}
              </>
            ),
          },
          { name: words.detail.document, value: evidence.document ?? words.detail.documentNone },
          { name: words.detail.rule, value: words.detail.ruleVersion(format.text(alert.ruleNames), alert.ruleVersion) },
          { name: words.detail.device, value: evidence.deviceId },
          { name: words.detail.received, value: <Moment at={evidence.receivedAt} seconds /> },
        ]}
      />
    </Section>
  );
}

/** How far the deciding reading is trusted: known while it is the newest, or from the step of the chart that holds it. */
function EvidenceFlag({ alert, known }: { alert: AlertView; known: boolean }): ReactNode {
  const { words, format } = useText();
  const live = useLive();
  const { period } = useAddress();
  const { metric, measuredAt } = alert.evidence;
  const latest = useLatest(alert.stationId)?.find(
    (value) => value.metric === metric && value.measuredAt === measuredAt,
  );
  const series = useQuery({
    ...seriesQuery(live, { stationId: alert.stationId, metric, period }),
    enabled: known && latest === undefined,
    refetchInterval: false,
    staleTime: 60_000,
  });
  const word = (flag: number): string => words.stations.flag[flag] ?? words.stations.flagOther(flag);
  if (latest !== undefined) return word(latest.flag);
  const step = stepOf(series.data, measuredAt);
  if (step !== undefined && series.data !== undefined) {
    // Alone in its step, the step's flag is its own.
    return step.count === 1
      ? word(step.flag)
      : words.detail.worstInStep(word(step.flag), format.age(series.data.bucketMs));
  }
  return (
    <abbr className="missing" title={words.detail.flagUnknown} aria-label={words.detail.flagUnknown}>
      —
    </abbr>
  );
}

const stepOf = (series: SeriesView | undefined, at: number): SeriesView['buckets'][number] | undefined =>
  series?.buckets.find((bucket) => bucket.at <= at && at < bucket.at + series.bucketMs);
