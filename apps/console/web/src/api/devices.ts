import type { SendCommand } from '@canh/contract/commands.dto';
import type { DeviceCommandView, DeviceView } from '@canh/contract/views.dto';
import type { CommandState } from '@canh/core/stations/device-commands';
import { queryOptions } from '@tanstack/react-query';
import { ask } from './client.js';

/** What the server still has, or has handed over and not heard of. */
export const isKept = (state: CommandState): boolean => state === 'waiting' || state === 'sent';

const commandsOf = (deviceId: string): string => `/api/devices/${encodeURIComponent(deviceId)}/commands`;

/** The devices of a station with their newest commands. */
export const devicesQuery = (stationId: string) =>
  queryOptions({
    queryKey: ['devices', stationId],
    queryFn: ({ signal }) =>
      ask<DeviceView[]>('GET', `/api/stations/${encodeURIComponent(stationId)}/devices`, { signal }),
    refetchInterval: ({ state }) =>
      state.data?.some(({ commands }) => commands.some((one) => isKept(one.state))) === true ? 2_000 : 5_000,
  });

/** As far back as the server lists them. */
export const commandsQuery = (deviceId: string) =>
  queryOptions({
    queryKey: ['commands', deviceId],
    queryFn: ({ signal }) => ask<DeviceCommandView[]>('GET', commandsOf(deviceId), { signal }),
    refetchInterval: 10_000,
  });

/** One command with its whole answer. */
export const commandQuery = (deviceId: string, command: number) =>
  queryOptions({
    queryKey: ['command', deviceId, command],
    queryFn: ({ signal }) => ask<DeviceCommandView>('GET', `${commandsOf(deviceId)}/${command}`, { signal }),
  });

export const sendCommand = (deviceId: string, command: SendCommand): Promise<DeviceCommandView> =>
  ask('POST', commandsOf(deviceId), { body: command });
