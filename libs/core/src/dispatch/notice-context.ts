import type { Alert } from '../alerts/alert.js';
import type { Catalogue } from '../rules/catalogue.js';
import type { Inventory } from '../stations/registry.js';
import type { Area } from '../stations/station.js';
import type { LocalText } from '../stations/local-text.js';
import type { NoticeContext } from './channel.js';

const same = (text: string): LocalText => ({ vi: text, en: text });

/** Deeper than any tree of areas; stops at a circle made by mistake. */
const DEEPEST_AREA = 6;

/** The area and what it belongs to, the smallest first: `phường Quảng Trị, tỉnh Quảng Trị`. */
function areaNames(areaId: string, areas: readonly Area[]): LocalText {
  const chain: Area[] = [];
  for (let id: string | null = areaId; id !== null && chain.length < DEEPEST_AREA;) {
    const area = areas.find((one) => one.id === id);
    if (area === undefined || chain.includes(area)) break;
    chain.push(area);
    id = area.parentId;
  }
  if (chain.length === 0) return same(areaId);
  return { vi: chain.map(({ names }) => names.vi).join(', '), en: chain.map(({ names }) => names.en).join(', ') };
}

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
    areaNames: station === undefined ? same('') : areaNames(station.areaId, inventory.areas),
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
