import { IsBoolean, isEmail, IsIn, IsLatitude, IsLongitude, IsOptional, isURL } from 'class-validator';
import { SEVERITIES, type Severity } from '@canh/core/rules/rule';
import type { Area, Device, Station } from '@canh/core/stations/station';
import type { Limit } from '@canh/core/stations/limit';
import type { ChannelName, Contact } from '@canh/core/dispatch/notice';
import type { Language } from '@canh/core/stations/local-text';
import {
  AreWithin,
  Agrees,
  IsFiniteNumber,
  IsId,
  IsMetricName,
  IsText,
  IsWithin,
  LocalTextDocument,
} from './document.js';

/** A day as documents write it; it begins at midnight in the province, seven hours before it does at Greenwich. */
const DAY = /^(\d{4})-(\d{2})-(\d{2})$/;
const PROVINCE_AHEAD_MS = 7 * 3_600_000;

function dayStarts(day: string | undefined): number | null {
  const [, year, month, date] = DAY.exec(day ?? '') ?? [];
  return year === undefined ? null : Date.UTC(Number(year), Number(month) - 1, Number(date)) - PROVINCE_AHEAD_MS;
}

const isDay = (field: 'validFrom' | 'validTo'): PropertyDecorator =>
  Agrees<{ validFrom?: string; validTo?: string }>((owner) => {
    const day = owner[field];
    return day === undefined || (typeof day === 'string' && DAY.test(day)) ? null : 'must be a day written 2020-03-20';
  });

/** Both days belong to the time in force. */
class Validity {
  @IsOptional()
  @isDay('validFrom')
  validFrom?: string;

  @IsOptional()
  @isDay('validTo')
  validTo?: string;
}

const DAY_MS = 86_400_000;

function inForce({ validFrom, validTo }: Validity): { validFrom: number | null; validTo: number | null } {
  const last = dayStarts(validTo);
  return { validFrom: dayStarts(validFrom), validTo: last === null ? null : last + DAY_MS };
}

export class AreaDocument extends Validity {
  @IsId()
  id!: string;

  @IsWithin(() => LocalTextDocument)
  names!: LocalTextDocument;

  @IsOptional()
  @IsId()
  parent?: string;
}

export class LimitDocument extends Validity {
  @IsMetricName()
  name!: string;

  @IsMetricName()
  metric!: string;

  @IsFiniteNumber()
  value!: number;

  /** The decision or bulletin that sets it. */
  @IsText(500)
  document!: string;
}

export class StationDocument {
  @IsId()
  id!: string;

  @IsWithin(() => LocalTextDocument)
  names!: LocalTextDocument;

  @IsId()
  area!: string;

  @IsText(200)
  ownerUnit!: string;

  @IsLatitude()
  latitude!: number;

  @IsLongitude()
  longitude!: number;

  @IsId()
  profile!: string;

  @IsOptional()
  @AreWithin(() => LimitDocument, { min: 0, max: 100 })
  limits?: LimitDocument[];
}

export class DeviceDocument {
  @IsId()
  id!: string;

  /** What a gateway calls it; without one, its id. */
  @IsOptional()
  @IsText(200)
  name?: string;

  @IsId()
  station!: string;

  @IsId()
  profile!: string;

  @IsOptional()
  @IsId()
  gateway?: string;
}

export class ContactDocument {
  @IsId()
  id!: string;

  @IsText(200)
  name!: string;

  @IsIn(['email', 'webhook'])
  channel!: ChannelName;

  /** One bare e-mail address, or the URL of a webhook. */
  @Agrees<ContactDocument>(({ channel, address }) =>
    typeof address !== 'string'
      ? 'must be a text'
      : channel === 'email' && !isEmail(address, { allow_utf8_local_part: false, require_tld: false })
        ? 'must be one bare e-mail address'
        : channel === 'webhook' &&
            !isURL(address, { protocols: ['http', 'https'], require_protocol: true, require_tld: false })
          ? 'must be the URL of a webhook, http or https'
          : null,
  )
  address!: string;

  @IsIn(['vi', 'en'])
  language: Language = 'vi';

  /** Milder alerts are not sent. */
  @IsIn(SEVERITIES)
  fromSeverity: Severity = 'warning';

  /** Whether whoever wrote this knows that the e-mail address is theirs; otherwise a mail with a code goes there before any alert. */
  @IsBoolean()
  confirmed: boolean = true;
}

/** Areas, stations, devices and contacts in one file. */
export class InventoryDocument {
  @IsOptional()
  @AreWithin(() => AreaDocument, { min: 0, max: 2_000 })
  areas?: AreaDocument[];

  @IsOptional()
  @AreWithin(() => StationDocument, { min: 0, max: 20_000 })
  stations?: StationDocument[];

  @IsOptional()
  @AreWithin(() => DeviceDocument, { min: 0, max: 100_000 })
  devices?: DeviceDocument[];

  @IsOptional()
  @AreWithin(() => ContactDocument, { min: 0, max: 10_000 })
  contacts?: ContactDocument[];
}

export function areaOf(document: AreaDocument): Area {
  const { id, names, parent } = document;
  return { id, names, parentId: parent ?? null, ...inForce(document) };
}

export function limitOf(document: LimitDocument): Limit {
  const { name, metric, value } = document;
  return { name, metric, value, document: document.document, ...inForce(document) };
}

export function stationOf({
  id,
  names,
  area,
  ownerUnit,
  latitude,
  longitude,
  profile,
  limits,
}: StationDocument): Station {
  return {
    id,
    names,
    areaId: area,
    ownerUnit,
    position: { latitude, longitude },
    profileId: profile,
    limits: (limits ?? []).map(limitOf),
  };
}

export function deviceOf({ id, name, station, profile, gateway }: DeviceDocument): Device {
  return { id, name: name ?? id, stationId: station, profileId: profile, gatewayId: gateway ?? null };
}

export function contactOf({ id, name, channel, address, language, fromSeverity }: ContactDocument): Contact {
  return { id, name, channel, address, language, fromSeverity };
}
