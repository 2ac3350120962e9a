import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Refusal } from './say.mjs';

const LOOK_EVERY_MS = 200;
const BEAT_EVERY_MS = 5_000;
/** An owner whose beat we have not seen for this long is taken for dead, whatever its process number says: numbers are used again. */
const SILENT_FOR_MS = 60_000;
const WAIT_AT_MOST_MS = 20 * 60_000;

const lockFolder = (root) => join(root, 'dist', '.ready-lock');
const ownerFile = (folder) => join(folder, 'owner.json');

/** Who holds the lock and when it last gave a sign of life; null when it is free. */
function owner(folder) {
  try {
    const beat = statSync(ownerFile(folder)).mtimeMs;
    return { ...JSON.parse(readFileSync(ownerFile(folder), 'utf8')), beat };
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    // A power cut can leave an empty file: nobody in particular, who will give no more signs of life.
    if (error instanceof SyntaxError) return { pid: 0, host: '', token: '', beat: 0 };
    throw error;
  }
}

function isGone({ pid, host }) {
  if (host !== hostname()) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

/** Takes the folder away under a name of its own, then looks whether it was the one that was meant. */
function remove(root, { token }) {
  if (owner(lockFolder(root))?.token !== token) return;
  const aside = `${lockFolder(root)}.${randomUUID()}`;
  try {
    renameSync(lockFolder(root), aside);
  } catch (error) {
    if (error.code === 'ENOENT') return;
    throw error;
  }
  // Somebody else removed the dead owner's lock and took a new one in that instant: it goes back.
  if (owner(aside)?.token !== token) renameSync(aside, lockFolder(root));
  else rmSync(aside, { recursive: true, force: true });
}

/** The folder appears with its owner inside or not at all: a rename onto a folder that is not empty fails everywhere. */
function tryToTake(root) {
  const token = randomUUID();
  const made = `${lockFolder(root)}.${token}`;
  mkdirSync(made, { recursive: true });
  writeFileSync(ownerFile(made), JSON.stringify({ pid: process.pid, host: hostname(), token }));
  try {
    renameSync(made, lockFolder(root));
    return { token };
  } catch (error) {
    rmSync(made, { recursive: true, force: true });
    if (['ENOTEMPTY', 'EEXIST', 'EPERM', 'EACCES'].includes(error.code) && owner(lockFolder(root)) !== null)
      return null;
    throw error;
  }
}

/** Resolves when nobody installs or builds in this folder; `onWait` is called once with the owner if that takes waiting. */
export async function untilFree(root, onWait = () => {}) {
  const started = performance.now();
  let seen = { beat: NaN, at: started };
  for (let told = false; ;) {
    const holder = owner(lockFolder(root));
    if (holder === null) return;
    const now = performance.now();
    // Our own clock measures the silence: a machine that slept must not look like an owner that died.
    if (holder.beat !== seen.beat) seen = { beat: holder.beat, at: now };
    if (isGone(holder) || now - seen.at > SILENT_FOR_MS) {
      remove(root, holder);
      continue;
    }
    if (now - started > WAIT_AT_MOST_MS)
      throw new Refusal(
        `process ${holder.pid} has been installing or building here for ${WAIT_AT_MOST_MS / 60_000} minutes. Stop it, or remove ${lockFolder(root)}, and run the command again.`,
      );
    if (!told) onWait(holder);
    told = true;
    await pause(LOOK_EVERY_MS);
  }
}

/** Runs `work` while no other process installs or builds in this folder. */
export async function alone(root, work, onWait) {
  try {
    mkdirSync(dirname(lockFolder(root)), { recursive: true });
  } catch (error) {
    throw new Refusal(
      `${root} cannot be written (${error.code}). Canh installs and builds there: make it writable for this user and run the command again.`,
    );
  }
  let mine = null;
  while (mine === null) {
    await untilFree(root, onWait);
    mine = tryToTake(root);
  }
  const beat = setInterval(() => {
    const now = new Date();
    try {
      utimesSync(ownerFile(lockFolder(root)), now, now);
    } catch {
      // Taken away by hand; the work goes on, and the next beat changes nothing either.
    }
  }, BEAT_EVERY_MS);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    remove(root, mine);
  }
}
