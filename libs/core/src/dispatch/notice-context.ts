import type { Alert } from '../alerts/alert.js';
import type { Catalogue } from '../rules/catalogue.js';
import { areaNames } from '../stations/area-names.js';
import type { Inventory } from '../stations/registry.js';
import type { LocalText } from '../stations/local-text.js';
import type { NoticeContext } from './channel.js';

const same = (text: string): LocalText => ({ vi: text, en: text });

/**
 * Names and advice for a message about this alert. What was removed meanwhile, a station or a rule, is called by its id:
 * a message with an id in it is better than none.
 */
export function noticeContext(
  alert: Alert,
  inventory: Inventory,
  catalogue: Catalogue,
  publicUrl: string | null,
): NoticeContext {
  const { evidence } = alert;
  const station = inventory.stations.find(({ id }) => id === alert.stationId);
  const rule = catalogue.rules.find(({ id }) => id === alert.ruleId);
  const device = inventory.devices.find(({ id }) => id === evidence.deviceId);
  const profile = catalogue.profiles.get(device?.profileId ?? station?.profileId ?? '');
  const metric = profile?.metrics.find(({ name }) => name === evidence.metric);
  return {
    stationNames: station?.names ?? same(alert.stationId),
    areaNames:
      station === undefined
        ? same('')
        : areaNames(station.areaId, new Map(inventory.areas.map((area) => [area.id, area]))),
    ruleNames: rule?.names ?? same(alert.ruleId),
    metricNames: metric?.names ?? same(evidence.metric),
    unit: metric?.unit ?? '',
    decimals: metric?.decimals ?? 2,
    limits: (station?.limits ?? []).filter(
      ({ metric: of, validFrom, validTo }) =>
        of === evidence.metric &&
        (validFrom === null || validFrom <= evidence.measuredAt) &&
        (validTo === null || evidence.measuredAt < validTo),
    ),
    guidance: rule?.guidance ?? { cause: same(''), consequence: same(''), response: same('') },
    url: publicUrl === null ? null : `${publicUrl.replace(/\/+$/, '')}/alerts/${encodeURIComponent(alert.id)}`,
  };
}
