import { Body, Controller, Get, Param, Post } from '@nestjs/common';
import { CanhError } from '@canh/core/canh-error';
import { CommandDesk, MOST_BYTES_OF_PARAMS } from '@canh/core/stations/device-commands';
import { durationMs } from '@canh/core/time/duration';
import { SendCommand } from '@canh/contract/commands.dto';
import { DeviceCommandView, DeviceView } from '@canh/contract/views.dto';
import { Directories } from '../directory.js';
import { Now } from '../now.js';
import {
  onlyAdministrators,
  paramsTooLong,
  tooManyCommands,
  unknownCommand,
  unknownDevice,
  unknownStation,
} from '../problem.js';
import type { SignedIn } from '../sign-in/sessions.js';
import { ByOperator } from '../sign-in/signed-in.js';
import { commandView, deviceView, listedCommandView } from '../views/device-view.js';

const MOST_LISTED = 100;
/** Of each device, beside the others of its station. */
const NEWEST = 5;
const USUALLY_KEPT = '1h';

/** Devices, and what they are asked to do. */
@Controller('api')
export class DevicesController {
  constructor(
    private readonly commands: CommandDesk,
    private readonly directories: Directories,
    private readonly clock: Now,
  ) {}

  /** The devices of a station, each with its newest commands. */
  @Get('stations/:id/devices')
  async devices(@Param('id') stationId: string): Promise<DeviceView[]> {
    const { devices, stationNames, people } = await this.directories.now();
    if (!stationNames.has(stationId)) throw unknownStation(stationId);
    const its = [...devices.values()].map(({ device }) => device).filter((device) => device.stationId === stationId);
    const newest = await this.commands.newest(
      its.map(({ id }) => id),
      NEWEST,
    );
    return its.map((device) => deviceView(device, newest.get(device.id) ?? [], people));
  }

  /** What the device was asked to do, the newest 100 first, and what it answered. */
  @Get('devices/:id/commands')
  async list(@Param('id') deviceId: string): Promise<DeviceCommandView[]> {
    const [commands, { people }] = await Promise.all([
      this.refusing(deviceId, this.commands.of(deviceId, MOST_LISTED)),
      this.directories.now(),
    ]);
    return commands.map((command) => listedCommandView(command, people));
  }

  /** One command with its state and the whole answer. */
  @Get('devices/:id/commands/:command')
  async one(@Param('id') deviceId: string, @Param('command') number: string): Promise<DeviceCommandView> {
    const id = /^[1-9]\d{0,14}$/.test(number) ? Number(number) : null;
    const command = id === null ? null : await this.refusing(deviceId, this.commands.one(deviceId, id));
    if (command === null) throw unknownCommand(deviceId, number);
    return commandView(command, (await this.directories.now()).people);
  }

  /**
   * Asks the device to do something. A broker sends it within about a second; for a device that is away it is kept until it is back or
   * the command expires. For administrators.
   */
  @Post('devices/:id/commands')
  async send(
    @Param('id') deviceId: string,
    @Body() { method, params, expires }: SendCommand,
    @ByOperator() { operator }: SignedIn,
  ): Promise<DeviceCommandView> {
    if (operator.role !== 'admin') throw onlyAdministrators();
    const text = JSON.stringify(params === undefined ? {} : params);
    const bytes = Buffer.byteLength(text);
    if (bytes > MOST_BYTES_OF_PARAMS) throw paramsTooLong(bytes, MOST_BYTES_OF_PARAMS);
    const now = this.clock.now();
    const expiresAt = now + durationMs(expires ?? USUALLY_KEPT);
    const id = await this.refusing(
      deviceId,
      this.commands.send({ deviceId, method, params: text, by: operator.id, expiresAt }, now),
    );
    return this.one(deviceId, String(id));
  }

  private async refusing<Answer>(deviceId: string, asked: Promise<Answer>): Promise<Answer> {
    try {
      return await asked;
    } catch (error) {
      if (!(error instanceof CanhError)) throw error;
      if (error.code === 'UNKNOWN_DEVICE') throw unknownDevice(deviceId);
      if (error.code === 'TOO_MANY_COMMANDS') throw tooManyCommands(deviceId);
      throw error;
    }
  }
}
