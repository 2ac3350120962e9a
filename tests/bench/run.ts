// `npm run bench`. Node strips the types but looks for the very files that imports name, so what the compiler resolves elsewhere is
// resolved here: `./x.js` is the `.ts` beside it, and `@canh/…` is Canh as it was built. The peers that need Canh's code run by it, too.
import { registerHooks } from 'node:module';

const tests = new URL('..', import.meta.url).href;
const built = new URL('../../dist/', import.meta.url).href;

registerHooks({
  resolve(specifier, context, nextResolve) {
    const alias = /^@canh\/(\w+)\/(.+)$/.exec(specifier);
    if (alias !== null) return nextResolve(`${built}libs/${alias[1]}/src/${alias[2]}.js`, context);
    const beside = context.parentURL?.startsWith(tests) === true && /^\.\.?\/.+\.js$/.test(specifier);
    return nextResolve(beside ? specifier.replace(/\.js$/, '.ts') : specifier, context);
  },
});

const [first = '', ...rest] = process.argv.slice(2);
if (first.startsWith('peers/')) await import(`./${first}`);
else {
  const { bench } = await import('./bench.js');
  process.exitCode = await bench(first === '' ? [] : [first, ...rest]);
}
