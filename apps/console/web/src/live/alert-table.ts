import type { AlertView } from '@canh/contract/views.dto';

const closedKept = 500;

/**
 * The alerts as far as the server told of them, whatever the order in which its words arrive: the newer version of an alert wins, the
 * same again changes nothing.
 */
export class AlertTable {
  private readonly alerts = new Map<string, AlertView>();
  /** The clock of `touched`: one step a change. */
  private step = 0;
  private readonly touched = new Map<string, number>();

  /** A place in time to give to `replace` with what was asked for then. */
  mark(): number {
    return this.step;
  }

  get(id: string): AlertView | undefined {
    return this.alerts.get(id);
  }

  /** What somebody still has to look at: everything but the closed. */
  open(): AlertView[] {
    return [...this.alerts.values()].filter((alert) => alert.state !== 'closed');
  }

  /** What the stream or an answer brought. Returns the ids that changed. */
  put(alerts: readonly AlertView[]): string[] {
    this.step += 1;
    const changed: string[] = [];
    for (const alert of alerts) {
      this.touched.set(alert.id, this.step);
      const known = this.alerts.get(alert.id);
      if (known !== undefined && known.version >= alert.version) continue;
      // Put at the end again: the closed ones that changed longest ago are forgotten first.
      this.alerts.delete(alert.id);
      this.alerts.set(alert.id, alert);
      changed.push(alert.id);
    }
    this.forgetOldestClosed();
    return changed;
  }

  /**
   * The list of open alerts, asked for at `askedAt`. What a complete list does not name was closed, unless the table heard of it since
   * then. Returns the ids that changed.
   */
  replace(open: readonly AlertView[], askedAt: number, complete: boolean): string[] {
    if (!complete) return this.put(open);
    const named = new Set(open.map((alert) => alert.id));
    const gone: string[] = [];
    for (const alert of this.open()) {
      if (named.has(alert.id) || (this.touched.get(alert.id) ?? 0) > askedAt) continue;
      gone.push(alert.id);
    }
    for (const id of gone) this.forget(id);
    return [...gone, ...this.put(open)];
  }

  /** Everything, as for another person or another server. */
  clear(): void {
    this.alerts.clear();
    this.touched.clear();
  }

  private forget(id: string): void {
    this.alerts.delete(id);
    this.touched.delete(id);
  }

  private forgetOldestClosed(): void {
    const closed = [...this.alerts.values()].filter((alert) => alert.state === 'closed');
    for (const alert of closed.slice(0, Math.max(0, closed.length - closedKept))) this.forget(alert.id);
  }
}
