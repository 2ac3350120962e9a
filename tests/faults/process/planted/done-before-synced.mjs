// Loaded before the program with --import: an fdatasync that says that it is done before it has begun, as a careless change could make it.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const { fdatasync } = fs;
const LATER_MS = 20;
fs.fdatasync = (file, done) => {
  setImmediate(() => done(null));
  setTimeout(() => fdatasync(file, () => undefined), LATER_MS);
};
syncBuiltinESMExports();
