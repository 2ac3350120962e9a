import type { DeviceCommand } from '@canh/core/stations/device-commands';
import type { Device } from '@canh/core/stations/station';
import type { DeviceCommandView, DeviceView } from '@canh/contract/views.dto';

const EXCERPT_CHARACTERS = 4_096;

type People = ReadonlyMap<string, string>;

export const deviceView = (
  { id, name, profileId, gatewayId }: Device,
  commands: readonly DeviceCommand[],
  people: People,
): DeviceView => ({
  id,
  name,
  profileId,
  gatewayId,
  commands: commands.map((command) => listedCommandView(command, people)),
});

/** As it stands in a list: a long answer is cut. */
export function listedCommandView(command: DeviceCommand, people: People): DeviceCommandView {
  const view = commandView(command, people);
  return view.answer === null || view.answer.length <= EXCERPT_CHARACTERS
    ? view
    : { ...view, answer: view.answer.slice(0, EXCERPT_CHARACTERS), answerCut: true };
}

export const commandView = (command: DeviceCommand, people: People): DeviceCommandView => ({
  command: command.id,
  device: command.deviceId,
  method: command.method,
  params: JSON.parse(command.params) as unknown,
  by: people.get(command.by) ?? command.by,
  state: command.state,
  created: command.createdAt,
  expires: command.expiresAt,
  sent: command.sentAt,
  through: command.sentThrough === command.deviceId ? null : command.sentThrough,
  delivered: command.deliveredAt,
  answered: command.answeredAt,
  answer: command.answer,
  answerCut: false,
});
