import type { DeviceView } from '@canh/contract/views.dto';
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { commandsQuery, devicesQuery } from '../api/devices.js';
import { sessionQuery } from '../api/session.js';
import { useText } from '../text/text.js';
import { Section } from '../ui/pane.js';
import { PanelError } from '../ui/panel-error.js';
import { PanelLoading } from '../ui/panel-state.js';
import { CommandRow } from './command-row.js';
import style from './devices-section.module.css';
import { SendCommand } from './send-command.js';

/** As many as the server tells of beside their device. */
const newest = 5;

/** The devices of a station: what each was asked to do, what became of it, and a form to ask it for more. */
export function DevicesSection({ stationId }: { stationId: string }): ReactNode {
  const { words } = useText();
  const query = useQuery(devicesQuery(stationId));
  const session = useQuery(sessionQuery).data;
  const maySend = session?.kind === 'in' && session.session.operator.role === 'admin';
  return (
    <Section title={words.devices.title}>
      {session?.kind === 'in' && !maySend && <p className="quiet">{words.devices.notAllowed}</p>}
      {query.data === undefined ? (
        query.error === null ? (
          <PanelLoading rows={2} />
        ) : (
          <PanelError error={query.error} again={() => void query.refetch()} busy={query.isFetching} />
        )
      ) : query.data.length === 0 ? (
        <p className="quiet">{words.devices.none}</p>
      ) : (
        <ul className={style.devices}>
          {query.data.map((device) => (
            <li key={device.id} className={style.device} data-testid="device" data-device-id={device.id}>
              <Device of={device} maySend={maySend} />
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

function Device({
  of: { id, name, gatewayId, commands: latest },
  maySend,
}: {
  of: DeviceView;
  maySend: boolean;
}): ReactNode {
  const { words } = useText();
  const [older, setOlder] = useState(false);
  const all = useQuery({ ...commandsQuery(id), enabled: older });
  const commands = older ? (all.data ?? latest) : latest;
  return (
    <>
      <SendCommand
        deviceId={id}
        may={maySend}
        head={
          <h4 className={style.name}>
            {name}{' '}
            <span className="quiet">
              {[...(name === id ? [] : [id]), ...(gatewayId === null ? [] : [words.devices.through(gatewayId)])].join(
                ' · ',
              )}
            </span>
          </h4>
        }
      />
      {commands.length === 0 ? (
        <p className="quiet">{words.devices.noCommands}</p>
      ) : (
        <ol className={style.commands} aria-label={words.devices.commandsOf(name)}>
          {commands.map((command) => (
            <li key={command.command} className={style.command}>
              <CommandRow of={command} />
            </li>
          ))}
        </ol>
      )}
      {older && all.error !== null && (
        <PanelError error={all.error} again={() => void all.refetch()} busy={all.isFetching} />
      )}
      {!older && latest.length >= newest && (
        <button type="button" className={style.more} onClick={() => setOlder(true)}>
          {words.devices.older}
        </button>
      )}
    </>
  );
}
