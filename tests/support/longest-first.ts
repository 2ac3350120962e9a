import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What takes a minute or more by itself, the longest first. */
const LONGEST = [
  'tests/simulation/simulation.spec.ts',
  'tests/faults/mutation/packets.spec.ts',
  'tests/simulation/planted-bugs.spec.ts',
  'tests/acceptance/commands.spec.ts',
  'tests/broker/fair-intake.spec.ts',
  'tests/conformance/mosquitto.spec.ts',
  'tests/faults/process/orderly-stop.spec.ts',
  'tests/acceptance/canary.spec.ts',
];

/** Starts the longest files first, so that a run does not end with one core waiting for one of them; the others in Vitest's own order. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- Vitest's own order, of no array
    const sorted = await super.sort(files);
    const rank = ({ moduleId, project }: TestSpecification): number => {
      const at = LONGEST.indexOf(relative(project.vitest.config.root, moduleId));
      return at === -1 ? LONGEST.length : at;
    };
    return sorted.toSorted((a, b) => rank(a) - rank(b));
  }
}
