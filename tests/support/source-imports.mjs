// Lets a process of its own run our sources as they stand: `node --experimental-transform-types --import <this file> program.ts`.
// It finds @canh/… and a .ts behind each relative .js, as the compiler and the tests do.
import { existsSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

const libs = new URL('../../libs/', import.meta.url);

registerHooks({
  resolve(specifier, context, next) {
    const [, lib, path] = /^@canh\/(core|adapters|contract|runtime)\/(.+)$/.exec(specifier) ?? [];
    if (lib !== undefined) return next(new URL(`${lib}/src/${path}.ts`, libs).href, context);
    if (/^\.\.?\/.*\.js$/.test(specifier) && context.parentURL?.startsWith('file:')) {
      const source = new URL(specifier.replace(/\.js$/, '.ts'), context.parentURL);
      if (existsSync(fileURLToPath(source))) return next(source.href, context);
    }
    return next(specifier, context);
  },
});
