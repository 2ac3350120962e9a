import type { Profile } from '../stations/profile.js';
import type { Rule } from './rule.js';

/** Everything `devices/` says: the profiles by id, and the rules in force. */
export interface Catalogue {
  readonly profiles: ReadonlyMap<string, Profile>;
  readonly rules: readonly Rule[];
}
