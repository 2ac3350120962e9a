import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { CanhError } from '@canh/core/canh-error';

/** Makes the data folder, for this user alone, where there is none. Throws CanhError `DATA_DIR_UNWRITABLE`. */
export async function makeDataDir(dataDir: string): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new CanhError(
      'DATA_DIR_UNWRITABLE',
      `The data folder ${resolve(dataDir)} cannot be made (${(cause as Error).message}). Give CANH_DATA_DIR a folder that this user may write.`,
      { cause },
    );
  }
}
