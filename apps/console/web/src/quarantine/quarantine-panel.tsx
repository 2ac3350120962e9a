import type { QuarantineView } from '@canh/contract/views.dto';
import type { QuarantineReason } from '@canh/core/readings/quarantine';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { quarantineQuery } from '../api/quarantine.js';
import { useText } from '../text/text.js';
import { go, useAddress } from '../ui/address.js';
import { Moment } from '../ui/age.js';
import { PanelError } from '../ui/panel-error.js';
import { PanelEmpty, PanelLoading } from '../ui/panel-state.js';
import style from './quarantine-panel.module.css';

/** What arrived and could not be read, by reason and one by one. */
export function QuarantinePanel(): ReactNode {
  const { words } = useText();
  const query = useQuery(quarantineQuery);
  return (
    <div className={style.panel} data-testid="quarantine">
      <header className={style.head}>
        <h2>{words.quarantine.title}</h2>
        <p className="quiet">{words.quarantine.says}</p>
      </header>
      {query.data !== undefined ? (
        <Quarantined of={query.data} />
      ) : query.error === null ? (
        <PanelLoading />
      ) : (
        <PanelError error={query.error} again={() => void query.refetch()} busy={query.isFetching} />
      )}
    </div>
  );
}

function Quarantined({ of: { counts, newest } }: { of: QuarantineView }): ReactNode {
  const { words, format } = useText();
  const { reason } = useAddress();
  const total = counts.reduce((sum, { count }) => sum + count, 0);
  if (total === 0 && newest.length === 0) return <PanelEmpty title={words.quarantine.empty} />;
  const word = (one: QuarantineReason): string =>
    Object.hasOwn(words.quarantine.reason, one) ? words.quarantine.reason[one] : one; // a newer server may know more reasons
  const most = Math.max(1, ...counts.map(({ count }) => count));
  const shown = reason === null ? newest : newest.filter((one) => one.reason === reason);
  const choose = (one: QuarantineReason | null): void => go({ reason: one }, 'replace');
  return (
    <>
      <section className={style.reasons} aria-label={words.quarantine.counts}>
        <Reason
          name={words.quarantine.all}
          count={total}
          share={null}
          chosen={reason === null}
          choose={() => choose(null)}
        />
        {counts
          .toSorted((a, b) => b.count - a.count)
          .map(({ reason: one, count }) => (
            <Reason
              key={one}
              name={word(one)}
              count={count}
              share={count / most}
              chosen={reason === one}
              choose={() => choose(reason === one ? null : one)}
            />
          ))}
      </section>
      <section aria-label={words.quarantine.newest}>
        <h3 className={style.title}>{words.quarantine.newest}</h3>
        {shown.length === 0 ? (
          <p className={`${style.nothing} quiet`}>{words.quarantine.filteredAway(newest.length)}</p>
        ) : (
          <table className={style.table}>
            <thead>
              <tr>
                <th scope="col">{words.quarantine.columns.receivedAt}</th>
                <th scope="col">{words.quarantine.columns.device}</th>
                <th scope="col">{words.quarantine.columns.reason}</th>
                <th scope="col">{words.quarantine.columns.detail}</th>
                <th scope="col">{words.quarantine.columns.excerpt}</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((one, index) => (
                <tr key={index} data-testid="quarantined">
                  <td data-cell="time">
                    <Moment at={one.receivedAt} seconds />
                  </td>
                  <td data-cell="device">
                    {one.deviceId === '' ? (
                      <span className="quiet">{words.quarantine.unknownDevice}</span>
                    ) : (
                      one.deviceId
                    )}
                  </td>
                  <td data-cell="reason">
                    <strong>{word(one.reason)}</strong>
                  </td>
                  <td data-cell="detail">
                    {Object.hasOwn(words.quarantine.reasonSays, one.reason) && (
                      <p>{words.quarantine.reasonSays[one.reason]}</p>
                    )}
                    <p className="quiet" lang="en">
                      {one.detail}
                    </p>
                  </td>
                  <td data-cell="excerpt">
                    {/* What was refused is told by our own words alone: they are all that was kept of it. */}
                    {one.reason !== 'refused' && (
                      <>
                        <code className={style.excerpt}>{one.excerpt}</code>{' '}
                        <span className="quiet number">{words.quarantine.bytes(format.integer(one.bytes))}</span>
                      </>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
    </>
  );
}

function Reason({
  name,
  count,
  share,
  chosen,
  choose,
}: {
  name: string;
  count: number;
  share: number | null;
  chosen: boolean;
  choose: () => void;
}): ReactNode {
  const { format } = useText();
  return (
    <button type="button" className={style.reason} aria-pressed={chosen} onClick={choose}>
      <span className={style.reasonName}>{name}</span>
      <strong className="number">{format.integer(count)}</strong>
      <span className={style.bar} aria-hidden>
        {share !== null && <span style={{ width: `${Math.max(2, share * 100)}%` }} />}
      </span>
    </button>
  );
}
