import type { RuleStateRow } from './checkpoints.js';

/** The states of all rules, and which of them changed since they were last kept. */
export class RuleStates {
  private readonly byRule = new Map<string, Map<string, unknown>>();
  private readonly changed = new Map<string, Set<string>>();

  constructor(kept: readonly RuleStateRow[]) {
    for (const { ruleId, stationId, state } of kept) this.ofRule(ruleId).set(stationId, state);
  }

  get(ruleId: string, stationId: string): unknown {
    return this.byRule.get(ruleId)?.get(stationId);
  }

  set(ruleId: string, stationId: string, state: unknown): void {
    this.ofRule(ruleId).set(stationId, state);
    let stations = this.changed.get(ruleId);
    if (stations === undefined) this.changed.set(ruleId, (stations = new Set()));
    stations.add(stationId);
  }

  /** What changed since the last call. */
  takeChanged(): RuleStateRow[] {
    const rows: RuleStateRow[] = [];
    for (const [ruleId, stations] of this.changed)
      for (const stationId of stations) rows.push({ ruleId, stationId, state: this.get(ruleId, stationId) });
    this.changed.clear();
    return rows;
  }

  private ofRule(ruleId: string): Map<string, unknown> {
    let states = this.byRule.get(ruleId);
    if (states === undefined) this.byRule.set(ruleId, (states = new Map()));
    return states;
  }
}
