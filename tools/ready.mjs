// What every npm script of Canh goes through: `node tools/ready.mjs GOAL [what to run]`. It installs what the lock file
// says, builds what changed, and hands over to a Node that is new enough. Written for any Node, so that an old one gets
// a sentence and not a syntax error.
const [major] = process.versions.node.split('.').map(Number);
if (major < 20) {
  console.error(
    `Canh: this is Node ${process.versions.node}; setting up needs Node 20 or newer. Install Node 24 (https://nodejs.org/en/download) and run the command again.`,
  );
  process.exit(1);
}

void import('./ready/main.mjs').then(({ main }) => main(process.argv.slice(2)));
