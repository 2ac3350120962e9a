import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CanhError } from '@canh/core/canh-error';

/** The folder that holds `nest-cli.json`: the same from source, from `dist` and from an installed image. */
export function packageRoot(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'nest-cli.json'))) return folder;
    if (dirname(folder) === folder)
      throw new CanhError(
        'NO_PACKAGE_ROOT',
        `No folder above ${import.meta.dirname} holds nest-cli.json. Keep it beside dist when copying Canh.`,
      );
  }
}
