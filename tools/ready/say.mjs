/** A set-up that cannot go on: one sentence that says what, which and the way out. Its `exitCode` is 1 unless a child's own is passed on. */
export class Refusal extends Error {
  constructor(message, { exitCode = 1 } = {}) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Ends the set-up with one line. A fault of our own keeps its stack; what the system answered is plain enough without one. */
export function endWith(error) {
  if (!(error instanceof Refusal) && typeof error.code !== 'string') throw error;
  process.stderr.write(`Canh: ${error.message}\n`);
  process.exitCode = error.exitCode ?? 1;
}

/** On standard error: standard output belongs to the command that is handed over to. */
export function say(vietnamese, english) {
  process.stderr.write(`Canh: ${vietnamese} · ${english}\n`);
}

const BAR_CELLS = 24;

/**
 * A bar that is redrawn in place while `work` lasts, where a person looks on; elsewhere nothing is written.
 * `done` answers how much of `total` there is.
 */
export async function withBar(work, { done, total, unit }) {
  if (!process.stderr.isTTY) return work;
  const started = performance.now();
  const draw = () => {
    const now = Math.min(done(), total);
    const filled = Math.round((BAR_CELLS * now) / total);
    const seconds = Math.round((performance.now() - started) / 1_000);
    process.stderr.write(
      `\r  ${'█'.repeat(filled)}${'░'.repeat(BAR_CELLS - filled)} ${now}/${total} ${unit} · ${seconds} s `,
    );
  };
  const timer = setInterval(draw, 500);
  try {
    return await work;
  } finally {
    clearInterval(timer);
    process.stderr.write('\r\x1b[2K');
  }
}
