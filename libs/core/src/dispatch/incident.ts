import type { Notice } from './notice.js';

/** All that a digest says of one alert: what was written last, and what came before. */
export interface Incident {
  readonly latest: Notice;
  /** Oldest first; the last of them is `latest`. */
  readonly course: readonly Notice[];
}

/** The incidents of these notices, which are in the order in which they were written. */
export function incidentsOf(notices: readonly Notice[]): Incident[] {
  const courses = new Map<string, Notice[]>();
  for (const notice of notices) {
    const course = courses.get(notice.alert.id);
    if (course === undefined) courses.set(notice.alert.id, [notice]);
    else course.push(notice);
  }
  return [...courses.values()].flatMap((course) => {
    const latest = course.at(-1);
    return latest === undefined ? [] : [{ latest, course }];
  });
}
