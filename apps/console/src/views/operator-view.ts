import type { Operator } from '@canh/core/alerts/operators';
import type { Instant } from '@canh/core/time/instant';
import type { SessionView } from '@canh/contract/views.dto';

export function sessionView(
  { id, login, name, role, language }: Operator,
  { timezone, demoInboxUrl }: { readonly timezone: string; readonly demoInboxUrl: string | undefined },
  now: Instant,
): SessionView {
  return { operator: { id, login, name, role, language }, timezone, now, demoInboxUrl: demoInboxUrl ?? null };
}
