import type { Reporter, SerializedError, TestModule, Vitest } from 'vitest/node';

/**
 * Ends a run with `N passed, N failed, N skipped` alone on the last line, for people and programs that read only that.
 * A file or a suite that could not run, and an error outside any test, count as failed: else a run in which
 * nothing could start would close with no failure.
 */
export default class ClosingLine implements Reporter {
  private vitest: Vitest | undefined;

  onInit(vitest: Vitest): void {
    this.vitest = vitest;
  }

  onTestRunEnd(modules: ReadonlyArray<TestModule>, errorsOutside: ReadonlyArray<SerializedError>): void {
    const states = { passed: 0, failed: errorsOutside.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) states[test.result().state] += 1;
      for (const suite of [module, ...module.children.allSuites()]) if (suite.errors().length > 0) states.failed += 1;
    }
    // A test without a result was never run: the run was broken off.
    const line = `${states.passed} passed, ${states.failed + states.pending} failed, ${states.skipped} skipped`;
    this.vitest?.logger.log(line);
  }
}
