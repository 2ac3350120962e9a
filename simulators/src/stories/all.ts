import { CanhError } from '@canh/core/canh-error';
import { floodNight } from './flood-night.js';
import { jam } from './jam.js';
import { smog } from './smog.js';
import type { Story } from './story.js';

export const STORIES: readonly Story[] = [floodNight, smog, jam];

/** The story of that name. Throws CanhError `UNKNOWN_STORY` that lists the ones there are. */
export function storyNamed(name: string): Story {
  const story = STORIES.find((one) => one.name === name);
  if (story === undefined)
    throw new CanhError(
      'UNKNOWN_STORY',
      `There is no story '${name}'. The stories are: ${STORIES.map((one) => one.name).join(', ')}.`,
    );
  return story;
}
