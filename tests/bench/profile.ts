import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const SHOWN = 25;

interface CpuProfile {
  readonly startTime: number;
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Of each `.cpuprofile` in the folder, one a thread, what used most time by itself after `fromUs`, the busiest thread first. */
export async function topCosts(folder: string, fromUs: number): Promise<string> {
  const threads: { busyMs: number; text: string }[] = [];
  for (const name of (await readdir(folder)).toSorted()) {
    const profile = JSON.parse(await readFile(join(folder, name), 'utf8')) as CpuProfile;
    const ofNode = new Map(profile.nodes.map(({ id, callFrame }) => [id, placeOf(callFrame)]));
    const selfMs = new Map<string, number>();
    let busyMs = 0;
    let nowUs = profile.startTime;
    for (const [at, node] of profile.samples.entries()) {
      nowUs += profile.timeDeltas[at] ?? 0;
      const place = ofNode.get(node) ?? '?';
      if (nowUs < fromUs || place === '(idle)' || place === '(root)') continue;
      const ms = (profile.timeDeltas[at] ?? 0) / 1000;
      busyMs += ms;
      selfMs.set(place, (selfMs.get(place) ?? 0) + ms);
    }
    const rows = [...selfMs].toSorted(([, a], [, b]) => b - a).slice(0, SHOWN);
    const lines = rows.map(([place, ms]) => `  ${((100 * ms) / busyMs).toFixed(1).padStart(5)} %  ${place}`);
    threads.push({ busyMs, text: [`${name}: busy for ${(busyMs / 1000).toFixed(1)} s`, ...lines].join('\n') });
  }
  return threads
    .toSorted((a, b) => b.busyMs - a.busyMs)
    .map(({ text }) => text)
    .join('\n\n');
}

function placeOf({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string {
  if (url === '') return functionName === '' ? '(anonymous)' : functionName;
  const file = url.replace(/^.*\/(?:node_modules|dist)\//, '');
  return `${functionName === '' ? '(anonymous)' : functionName}  ${file}:${lineNumber + 1}`;
}
