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
export const listedCommandView = (command: DeviceCommand, people: People): DeviceCommandView =>
  commandView(command, people, EXCERPT_CHARACTERS);

export function commandView(command: DeviceCommand, people: People, mostOfAnswer = Infinity): DeviceCommandView {
  const { answer } = command;
  return {
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
    answer: answer?.slice(0, mostOfAnswer) ?? null,
    answerCut: (answer?.length ?? 0) > mostOfAnswer,
  };
}
