// Plants one bug in a process that loads our sources: `--import` it behind `source-imports.mjs`, with CANH_PLANTED_BUG naming the bug.
import { registerHooks } from 'node:module';
import { PLANTED_BUGS } from './planted-bugs.js';

const name = process.env['CANH_PLANTED_BUG'];
const bug = PLANTED_BUGS.find((one) => one.name === name);
if (bug === undefined) throw new Error(`there is no planted bug '${name}'`);
const file = new URL(`../../${bug.file}`, import.meta.url).href;
let planted = false;

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    if (url !== file) return loaded;
    const parts = Buffer.from(loaded.source as Uint8Array)
      .toString()
      .split(bug.find);
    if (parts.length !== 2)
      throw new Error(
        `'${bug.find}' stands ${parts.length - 1} times in ${bug.file}: bring the planted bug '${bug.name}' up to date`,
      );
    planted = true;
    return { ...loaded, source: parts.join(bug.replace) };
  },
});

process.on('exit', () => {
  if (!planted) console.error(`${bug.file} was never loaded`);
});
