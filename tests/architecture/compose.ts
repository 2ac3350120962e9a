import { parse } from 'yaml';
import type { Fault } from './source-files.js';

interface Service {
  readonly ports?: readonly string[];
  readonly environment?: Readonly<Record<string, string | number>> | readonly string[];
  readonly volumes?: readonly string[];
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes?: Readonly<Record<string, unknown>>;
}

const given = (environment: Service['environment'] = {}): [name: string, value: string][] =>
  Array.isArray(environment)
    ? environment.map((line: string) => [line.split('=')[0]!, line.slice(line.indexOf('=') + 1)])
    : Object.entries(environment).map(([name, value]) => [name, String(value)]);

/** What must not be in a file that people start as it is: an open door, a known password, a name that means nothing. */
export function composeFaults(text: string, settings: ReadonlySet<string>): Fault[] {
  const { services, volumes = {} } = parse(text) as Compose;
  const faults: Fault[] = [];
  for (const [service, { ports = [], environment, volumes: mounts = [] }] of Object.entries(services)) {
    for (const port of ports)
      if (!port.startsWith('127.0.0.1:')) faults.push(`${service} publishes ${port}: write 127.0.0.1:${port}`);
    for (const [name, value] of given(environment)) {
      if (name.startsWith('CANH_') && !settings.has(name))
        faults.push(`${service} is given ${name}, which no settings class declares`);
      if (/PASSWORD|TOKEN|SECRET/.test(name) && !/^\$\{\w+:\?.+\}$/.test(value))
        faults.push(`${service} has a ${name} written down: ask for it with \${…:?what to set}`);
    }
    for (const [name] of mounts.map((mount) => mount.split(':')))
      if (name !== undefined && /^\w/.test(name) && !(name in volumes))
        faults.push(`${service} uses the volume ${name}, which is not declared`);
  }
  return faults;
}

/** The variables that Docker Compose will not start without, and what it says then. */
export function demandedVariables(text: string): Map<string, string> {
  return new Map(
    [...text.matchAll(/\$\{(\w+):\?set it in \.env\. ([^}]+)\}/g)].map(([, name, says]) => [name!, `${says!}.`]),
  );
}
