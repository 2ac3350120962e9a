import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Refusal } from './say.mjs';

/** Canh runs on this Node and on newer ones. */
export const OLDEST_NODE = 24;

/** Where the npm package `node` puts its Node, on the platforms that it has one for. */
export function packagedNode(root) {
  return join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
}

/** The Node that runs Canh: the machine's own where it is new enough, else the packaged one; null when neither is there. */
export function nodeToRun(root, own = { version: process.versions.node, path: process.execPath }) {
  if (Number(own.version.split('.')[0]) >= OLDEST_NODE && existsSync(own.path)) return own.path;
  const packaged = packagedNode(root);
  return existsSync(packaged) ? packaged : null;
}

export function refuseWithoutNode() {
  return new Refusal(
    `this machine's Node is ${process.versions.node}, Canh runs on Node ${OLDEST_NODE} or newer, and the npm package "node" brought none: ` +
      `it has no build for ${process.platform}-${process.arch}, or its install script was not allowed to run (ignore-scripts). ` +
      `Install Node ${OLDEST_NODE} (https://nodejs.org/en/download) and run the command again.`,
  );
}
