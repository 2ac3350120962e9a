import type { LedgerFiguresView, LedgerLineView, LedgerView } from '@canh/contract/views.dto';
import { Button, SegmentedControl, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useDeferredValue, useMemo, useState, type ReactNode } from 'react';
import { ledgerLengths, ledgerQuery } from '../api/ledger.js';
import { useLive } from '../live/hooks.js';
import { useText } from '../text/text.js';
import { go, lineId, useAddress, type LedgerShow } from '../ui/address.js';
import { CloseIcon, SearchIcon } from '../ui/icons.js';
import { PanelError } from '../ui/panel-error.js';
import { PanelEmpty, PanelLoading } from '../ui/panel-state.js';
import { Balance } from './balance.js';
import { BooksState } from './books-state.js';
import { findLines, quarantinedOf, totalOf, unaccounted } from './figures.js';
import style from './ledger-panel.module.css';
import { hourWords, placeWords, reasonWords } from './ledger-words.js';

const rowsAtOnce = 200;
/** Beside the other side by side columns; each has a word of its own where there is room for one line only. */
const columns = [
  'messages',
  'received',
  'stored',
  'duplicate',
  'quarantined',
  'sum',
  'late',
  'missing',
  'reasons',
] as const;

/** What became of everything that arrived, by device and hour. */
export function LedgerPanel(): ReactNode {
  const { words } = useText();
  const live = useLive();
  const { length, device } = useAddress();
  const query = useQuery(ledgerQuery(live, { length, device }));
  return (
    <div className={style.panel} data-testid="ledger">
      <header className={style.head}>
        <h2>{words.ledger.title}</h2>
        <p className="quiet">{words.ledger.says}</p>
      </header>
      {query.data !== undefined && <BooksState books={query.data.books} />}
      <Tools />
      {query.data !== undefined ? (
        <Lines of={query.data} />
      ) : query.error === null ? (
        <PanelLoading />
      ) : (
        <PanelError error={query.error} again={() => void query.refetch()} busy={query.isFetching} />
      )}
    </div>
  );
}

function Tools(): ReactNode {
  const { words } = useText();
  const { length, device, q } = useAddress();
  return (
    <div className={style.tools}>
      <SegmentedControl
        className={style.length ?? ''}
        aria-label={words.ledger.length}
        value={length}
        onChange={(value) => go({ length: value }, 'replace')}
        data={ledgerLengths.map((value) => ({ value, label: words.ledger.lengths[value] }))}
        transitionDuration={0}
      />
      <TextInput
        className={style.search ?? ''}
        size="md"
        type="search"
        value={q}
        placeholder={words.ledger.find}
        aria-label={words.ledger.find}
        leftSection={<SearchIcon />}
        rightSection={
          q === '' ? null : (
            <button
              type="button"
              className={style.clear}
              aria-label={words.ledger.clearFind}
              onClick={() => go({ q: '' }, 'replace')}
            >
              <CloseIcon width={16} height={16} />
            </button>
          )
        }
        onChange={(event) => go({ q: event.currentTarget.value }, 'replace')}
        onKeyDown={(event) => {
          if (event.key === 'Escape' && !event.nativeEvent.isComposing) event.currentTarget.blur();
        }}
      />
      {device !== null && (
        <button
          type="button"
          className={style.chosen}
          title={words.ledger.allDevices}
          data-testid="all-devices"
          onClick={() => go({ device: null })}
        >
          {words.ledger.onlyDevice(device === '' ? words.ledger.unknown : device)} <CloseIcon width={16} height={16} />
        </button>
      )}
    </div>
  );
}

function Lines({ of: { lines, more, from, to, now } }: { of: LedgerView }): ReactNode {
  const { words, format } = useText();
  const { q } = useAddress();
  const searched = useDeferredValue(q);
  const [limit, setLimit] = useState(rowsAtOnce);
  const found = useMemo(() => findLines(lines, searched), [lines, searched]);
  const total = useMemo(() => totalOf(found), [found]);
  const wrong = found.filter((line) => unaccounted(line) !== 0).length;
  if (lines.length === 0) {
    const [since, until] = [format.moment(from, now), format.moment(Math.min(to, now), now)];
    return <PanelEmpty title={words.ledger.empty} says={words.ledger.emptySays(since, until)} />;
  }
  if (found.length === 0) {
    return (
      <PanelEmpty title={words.ledger.filteredAway(format.integer(lines.length))}>
        <Button variant="default" onClick={() => go({ q: '' }, 'replace')}>
          {words.alerts.clearFilter}
        </Button>
      </PanelEmpty>
    );
  }
  return (
    <>
      <Totals of={total} lines={found.length} wrong={wrong} />
      {more && <p className={style.notAll}>{words.ledger.notAll(format.integer(lines.length))}</p>}
      <table className={style.table} aria-label={words.ledger.table}>
        <thead>
          <tr>
            <th scope="col">{words.ledger.columns.hour}</th>
            <th scope="col">{words.ledger.columns.device}</th>
            {columns.map((name) => (
              <th
                key={name}
                scope="col"
                data-cell={name}
                title={name in words.ledger.meaning ? words.ledger.meaning[name as 'late'] : undefined}
              >
                {words.ledger.columns[name]}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {found.slice(0, limit).map((line) => (
            <Line key={lineId(line)} line={line} now={now} />
          ))}
        </tbody>
      </table>
      {found.length > limit && (
        <button type="button" className={style.more} onClick={() => setLimit(limit + rowsAtOnce)}>
          {words.ledger.more(format.integer(found.length - limit))}
        </button>
      )}
    </>
  );
}

/** The sum of what is shown; it holds only where every line does, since one line's too much would hide another's too little. */
function Totals({ of, lines, wrong }: { of: LedgerFiguresView; lines: number; wrong: number }): ReactNode {
  const { words, format } = useText();
  const parts = [
    { name: 'stored', count: of.stored },
    { name: 'duplicate', count: of.duplicate },
    { name: 'quarantined', count: quarantinedOf(of) },
  ] as const;
  return (
    <section className={style.totals} aria-label={words.ledger.totals} data-testid="ledger-totals">
      {wrong > 0 && (
        <p className={style.wrong} role="alert" data-testid="unbalanced-lines">
          {words.ledger.unbalancedLines(format.integer(wrong))}
        </p>
      )}
      <p className={style.sum}>
        <Figure name={words.ledger.columns.received} count={of.received} />
        {parts.map(({ name, count }, at) => (
          <span key={name} className={style.term}>
            <span className={style.sign}>{at === 0 ? '=' : '+'}</span>
            <Figure name={words.ledger.columns[name]} count={count} />
          </span>
        ))}
        {wrong === 0 && <Balance by={0} />}
      </p>
      <p className={`${style.beside} number`}>
        {[
          words.ledger.totalsOf(format.integer(lines)),
          ...(['messages', 'late', 'missing'] as const).map(
            (name) => `${words.ledger.columns[name]}: ${format.integer(of[name])}`,
          ),
        ].join(' · ')}
      </p>
      {of.quarantined.length > 0 && <p className={style.beside}>{reasonWords(of.quarantined, { words, format })}</p>}
    </section>
  );
}

function Figure({ name, count }: { name: string; count: number }): ReactNode {
  const { format } = useText();
  return (
    <span className={style.figure}>
      <strong className="number hatched">{format.integer(count)}</strong> <span className="quiet">{name}</span>
    </span>
  );
}

function Line({ line, now }: { line: LedgerLineView; now: number }): ReactNode {
  const text = useText();
  const { words, format } = text;
  const { line: opened, device } = useAddress();
  const id = lineId(line);
  const quarantined = quarantinedOf(line);
  const place = `${placeWords(line, text)}, ${hourWords(line.hour, now, text)}`;
  const open = (show: LedgerShow): void => go({ line: id, show });
  const by = unaccounted(line);
  const data = (name: keyof typeof words.ledger.columns): { 'data-cell': string; 'data-label': string } => ({
    'data-cell': name,
    'data-label': words.ledger.columns[name],
  });
  return (
    <tr
      aria-current={opened === id ? 'true' : undefined}
      data-testid="ledger-line"
      data-line={id}
      data-wrong={by !== 0}
    >
      <td {...data('hour')} className="number">
        {hourWords(line.hour, now, text)}
      </td>
      <th scope="row" {...data('device')}>
        <span className={style.place}>{placeWords(line, text)}</span>
        {device === line.deviceId || line.deviceId === '' ? (
          <span className={style.device}>{line.deviceId === '' ? words.ledger.unknownSays : line.deviceId}</span>
        ) : (
          <button
            type="button"
            className={style.device}
            title={words.ledger.onlyThis(line.deviceId)}
            onClick={() => go({ device: line.deviceId })}
          >
            {line.deviceId}
          </button>
        )}
      </th>
      <td {...data('messages')} className="number hatched">
        {format.integer(line.messages)}
      </td>
      <td {...data('received')} className="number hatched">
        {format.integer(line.received)}
      </td>
      <td {...data('stored')}>
        <button
          type="button"
          className={`${style.count} number hatched`}
          data-row
          aria-label={words.ledger.openStored(format.integer(line.stored), place)}
          onClick={() => open('stored')}
        >
          {format.integer(line.stored)}
        </button>
      </td>
      <td {...data('duplicate')} className="number hatched">
        {format.integer(line.duplicate)}
      </td>
      <td {...data('quarantined')}>
        {quarantined === 0 ? (
          <span className="number hatched">0</span>
        ) : (
          <button
            type="button"
            className={`${style.count} number hatched`}
            aria-label={words.ledger.openQuarantined(format.integer(quarantined), place)}
            onClick={() => open('quarantined')}
          >
            {format.integer(quarantined)}
          </button>
        )}
      </td>
      <td {...data('sum')}>
        <Balance by={by} />
      </td>
      <td {...data('late')} className="number hatched" data-none={line.late === 0}>
        {format.integer(line.late)}
      </td>
      <td {...data('missing')} className="number hatched" data-none={line.missing === 0}>
        {format.integer(line.missing)}
      </td>
      <td {...data('reasons')} data-none={quarantined === 0}>
        {reasonWords(line.quarantined, text)}
      </td>
    </tr>
  );
}
