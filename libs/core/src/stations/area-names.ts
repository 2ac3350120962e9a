import type { LocalText } from './local-text.js';
import type { Area } from './station.js';

/** Deeper than any tree of areas; a circle ends earlier. */
const DEEPEST_AREA = 6;

/** The area and what it belongs to, the smallest first: `phường Quảng Trị, tỉnh Quảng Trị`. An area that is not there is called by its id. */
export function areaNames(areaId: string, areas: ReadonlyMap<string, Area>): LocalText {
  const chain: Area[] = [];
  for (
    let area = areas.get(areaId);
    area !== undefined && !chain.includes(area) && chain.length < DEEPEST_AREA;
    area = areas.get(area.parentId ?? '')
  )
    chain.push(area);
  if (chain.length === 0) return { vi: areaId, en: areaId };
  return { vi: chain.map(({ names }) => names.vi).join(', '), en: chain.map(({ names }) => names.en).join(', ') };
}
