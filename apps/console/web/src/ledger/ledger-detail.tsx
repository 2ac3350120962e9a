import type { LedgerLineView, QuarantinedView } from '@canh/contract/views.dto';
import { Button } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { hourMs, ledgerQuery, ledgerReadingsQuery } from '../api/ledger.js';
import { quarantinedInHourQuery, requestReplay } from '../api/quarantine.js';
import { sessionQuery } from '../api/session.js';
import { useClock, useLive } from '../live/hooks.js';
import { useText } from '../text/text.js';
import { go, lineOf, useAddress, type LedgerShow, type LineId } from '../ui/address.js';
import { Moment } from '../ui/age.js';
import { DetailPane } from '../ui/pane.js';
import { PanelError, problemWords } from '../ui/panel-error.js';
import { PanelEmpty, PanelLoading } from '../ui/panel-state.js';
import { Value } from '../ui/value.js';
import { Balance } from './balance.js';
import { quarantinedOf, unaccounted } from './figures.js';
import style from './ledger-detail.module.css';
import { hourWords, placeWords } from './ledger-words.js';

const close = (): void => go({ line: null });
const shows: readonly LedgerShow[] = ['stored', 'quarantined'];

/** What one device sent within one hour: its stored readings, or what is in quarantine. */
export function LedgerDetail({ id }: { id: LineId }): ReactNode {
  const text = useText();
  const { words, format } = text;
  const live = useLive();
  const { length, device, show } = useAddress();
  const query = useQuery(ledgerQuery(live, { length, device }));
  const of = lineOf(id);
  const line = query.data?.lines.find((one) => one.deviceId === of.deviceId && one.hour === of.hour);
  const day = useClock((now) => hourWords(of.hour, now, text));
  const count: Record<LedgerShow, number | undefined> = {
    stored: line?.stored,
    quarantined: line === undefined ? undefined : quarantinedOf(line),
  };
  return (
    <DetailPane
      label={words.ledger.detail}
      close={close}
      head={
        <div>
          <h2 className={style.title}>{line === undefined ? of.deviceId : placeWords(line, text)}</h2>
          <p className={style.under}>
            {of.deviceId === '' ? words.ledger.unknownSays : of.deviceId} · <span className="number">{day}</span>
          </p>
          {line !== undefined && <Sum of={line} />}
        </div>
      }
    >
      <div className={style.shows} role="group" aria-label={words.ledger.detail}>
        {shows.map((one) => (
          <button
            key={one}
            type="button"
            className={style.show}
            aria-pressed={one === show}
            data-testid={`show-${one}`}
            onClick={() => go({ show: one }, 'replace')}
          >
            {words.ledger.show[one]}{' '}
            <strong className="number">{count[one] === undefined ? '' : format.integer(count[one])}</strong>
          </button>
        ))}
      </div>
      {query.data !== undefined && line === undefined && <p className="quiet">{words.ledger.lineGone}</p>}
      {show === 'stored' ? (
        <Readings key={id} of={of} />
      ) : (
        <Quarantined key={id} of={of} counted={count.quarantined ?? 0} />
      )}
    </DetailPane>
  );
}

/** `120 = 118 + 1 + 1` with what each is. */
function Sum({ of }: { of: LedgerLineView }): ReactNode {
  const { words, format } = useText();
  const { columns } = words.ledger;
  const terms = [
    `${columns.received} ${format.integer(of.received)} = ${columns.stored} ${format.integer(of.stored)}`,
    `${columns.duplicate} ${format.integer(of.duplicate)}`,
    `${columns.quarantined} ${format.integer(quarantinedOf(of))}`,
  ];
  return (
    <p className={style.sum}>
      <span className="number hatched">{terms.join(' + ')}</span> <Balance by={unaccounted(of)} />
    </p>
  );
}

function Readings({ of }: { of: ReturnType<typeof lineOf> }): ReactNode {
  const { words, format } = useText();
  const query = useQuery(ledgerReadingsQuery(of));
  if (query.data === undefined) {
    return query.error === null ? (
      <PanelLoading />
    ) : (
      <PanelError error={query.error} again={() => void query.refetch()} busy={query.isFetching} />
    );
  }
  const { readings, stored } = query.data;
  if (stored === 0) return <PanelEmpty title={words.ledger.noneStored} />;
  const columns = words.ledger.readingColumns;
  return (
    <>
      {readings.length < stored && (
        <p className="quiet">{words.ledger.fewerReadings(format.integer(readings.length), format.integer(stored))}</p>
      )}
      {readings.length > 0 && (
        <table className={style.table} data-testid="stored-readings">
          <thead>
            <tr>
              <th scope="col">{columns.measuredAt}</th>
              <th scope="col">{columns.metric}</th>
              <th scope="col" className={style.right}>
                {columns.value}
              </th>
              <th scope="col">{columns.receivedAt}</th>
            </tr>
          </thead>
          <tbody>
            {readings.map((one) => (
              <tr key={`${one.metric} ${one.measuredAt} ${one.sequence}`} data-testid="stored-reading">
                <td>
                  <Moment at={one.measuredAt} seconds />
                </td>
                <td>{format.text(one.metricNames)}</td>
                <td className={style.right}>
                  <strong>
                    <Value of={{ kind: 'value', value: one.value, decimals: one.decimals, unit: one.unit }} />
                  </strong>
                  {one.flag >= 3 && (
                    <span className={style.flag}>
                      {words.stations.flag[one.flag] ?? words.stations.flagOther(one.flag)}
                    </span>
                  )}
                </td>
                <td>
                  <Moment at={one.receivedAt} seconds />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

function Quarantined({ of, counted }: { of: ReturnType<typeof lineOf>; counted: number }): ReactNode {
  const { words, format } = useText();
  const query = useQuery(quarantinedInHourQuery(of));
  if (query.data === undefined) {
    return query.error === null ? (
      <PanelLoading />
    ) : (
      <PanelError error={query.error} again={() => void query.refetch()} busy={query.isFetching} />
    );
  }
  const entries = query.data.newest;
  if (counted === 0 && entries.length === 0) return <PanelEmpty title={words.ledger.noneQuarantined} />;
  return (
    <>
      <Replay of={of} entries={entries} />
      {entries.length < counted && (
        <p className="quiet">{words.ledger.fewerEntries(format.integer(entries.length), format.integer(counted))}</p>
      )}
      <ol className={style.entries}>
        {entries.map((one) => (
          <li key={`${one.offset}/${one.part}`} className={style.entry} data-testid="ledger-quarantined">
            <Entry of={one} />
          </li>
        ))}
      </ol>
    </>
  );
}

function Entry({ of }: { of: QuarantinedView }): ReactNode {
  const { words, format } = useText();
  const { reason: known, reasonSays } = words.quarantine;
  const { reason, detail, excerpt, hex, bytes, replayedAt, senderId, deviceId, receivedAt } = of;
  const replayed = useClock((now) =>
    replayedAt === null ? null : words.ledger.replayedAt(format.moment(replayedAt, now)),
  );
  // Where a message has several faults its bytes stand with the first; what was refused is told by our own words alone.
  const shown = hex === null ? new TextEncoder().encode(excerpt).length : hex.length / 2;
  return (
    <>
      <p className={style.entryHead}>
        <strong>{Object.hasOwn(known, reason) ? known[reason] : reason}</strong>
        <Moment at={receivedAt} seconds />
        {senderId !== '' && senderId !== deviceId && <span className="quiet">{words.ledger.sentBy(senderId)}</span>}
        {replayed !== null && <span className={style.replayed}>{replayed}</span>}
      </p>
      {Object.hasOwn(reasonSays, reason) && <p>{reasonSays[reason]}</p>}
      <p className="quiet" lang="en">
        {detail}
      </p>
      {reason !== 'refused' &&
        (bytes === 0 ? (
          <p className="quiet">{words.ledger.noBytes}</p>
        ) : (
          <>
            <pre className={style.bytes} aria-label={words.ledger.bytes}>
              {excerpt}
            </pre>
            {hex !== null && (
              <pre className={style.bytes} aria-label={words.ledger.hex}>
                {hex.replace(/(..)/g, '$1 ')}
              </pre>
            )}
            <p className="quiet number">
              {shown < bytes
                ? words.ledger.cut(format.integer(shown), format.integer(bytes))
                : words.quarantine.bytes(format.integer(bytes))}
            </p>
          </>
        ))}
    </>
  );
}

/** Asks for the messages of this line to be decoded once more, and says what happens then. */
function Replay({
  of: { deviceId, hour },
  entries,
}: {
  of: ReturnType<typeof lineOf>;
  entries: readonly QuarantinedView[];
}): ReactNode {
  const { words, format } = useText();
  const client = useQueryClient();
  const session = useQuery(sessionQuery).data;
  const replay = useMutation({
    mutationFn: () => requestReplay({ deviceId, from: hour, to: hour + hourMs }),
    onSuccess: () => Promise.all(['quarantine', 'ledger'].map((key) => client.invalidateQueries({ queryKey: [key] }))),
  });
  const may = session?.kind === 'in' && session.session.operator.role === 'admin';
  const something = entries.some(({ replayable, replayedAt }) => replayable && replayedAt === null);
  const says = replay.isSuccess
    ? replay.data.messages === 0
      ? words.ledger.replayNone
      : words.ledger.replayAsked(format.integer(replay.data.messages))
    : replay.error !== null
      ? words.ledger.replayFailed(problemWords(replay.error, words))
      : !may
        ? words.ledger.replayNotAllowed
        : something
          ? words.ledger.replaySays
          : words.ledger.replayNothing;
  return (
    <div className={style.replay}>
      <Button
        variant="default"
        className={style.replayButton ?? ''}
        disabled={!may || !something || replay.isPending || replay.isSuccess}
        onClick={() => replay.mutate()}
        data-testid="replay"
      >
        {replay.isPending ? words.ledger.replaying : words.ledger.replay}
      </Button>
      <p className="quiet" role="status" data-testid="replay-says">
        {says}
      </p>
    </div>
  );
}
