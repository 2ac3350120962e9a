import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { IsInt, IsString } from 'class-validator';
import { Setting } from '@canh/runtime/settings';
import { composeFaults, demandedVariables } from './compose.js';
import { settingNameFaults } from './documents.js';
import { doubleFaults, exampleText, settingNames, settingsFiles, type SettingsFile } from './settings.js';
import { PROJECT, projectPaths, readProjectFile } from './source-files.js';

describe('the project', () => {
  let files: SettingsFile[];
  beforeAll(async () => {
    files = await settingsFiles();
  });
  const classes = () => files.flatMap((file) => file.classes);

  it('declares each setting once', () => {
    expect(doubleFaults(classes())).toEqual([]);
  });

  it('shows every setting in .env.example', async () => {
    await expect(exampleText(files, demandedVariables(readProjectFile('docker-compose.yml')))).toMatchFileSnapshot(
      join(PROJECT, '.env.example'),
    );
  });

  it('names only settings that there are, in its documents and in what Docker reads', () => {
    const names = settingNames(classes());
    const documents = projectPaths().filter(
      (path) =>
        // What stands in tests tells of switches of tests, too, which no process of Canh reads.
        (path.endsWith('.md') && !path.startsWith('tests/')) ||
        /^(Dockerfile|docker-compose\.yml|\.env\.example)$/.test(path),
    );
    expect(documents).toEqual(expect.arrayContaining(['Dockerfile', 'docker-compose.yml', '.env.example']));
    expect(documents.flatMap((path) => settingNameFaults(path, readProjectFile(path), names))).toEqual([]);
  });

  it('has a docker-compose.yml without passwords of its own and without a door to the network', () => {
    expect(composeFaults(readProjectFile('docker-compose.yml'), settingNames(classes()))).toEqual([]);
  });
});

class Common {
  @Setting({ name: 'CANH_HOST', says: 'Where it listens.' })
  @IsString()
  readonly host: string = '127.0.0.1';
}

class Mail extends Common {
  @Setting({ name: 'CANH_SMTP_URL', says: 'The mail server.', secret: true })
  @IsString()
  readonly url: string = 'smtp://user:pass@host';
}

class Again {
  @Setting({ name: 'CANH_HOST', says: 'Where it listens, again.' })
  @IsInt()
  readonly host: string = '';
}

it('reports a setting that two classes declare, but not one that is inherited', () => {
  expect(doubleFaults([Common, Mail])).toEqual([]);
  expect(doubleFaults([Mail, Again])).toEqual(['CANH_HOST is declared twice. Declare it once and extend that class']);
});

it('writes each setting once, and no default of a secret', () => {
  const files = [
    { path: 'libs/runtime/src/common.settings.ts', classes: [Common] },
    { path: 'apps/notifier/src/notifier.settings.ts', classes: [Mail] },
  ];
  const asked = demandedVariables(
    'a: ${DB_PASSWORD:?set it in .env. At least 8 characters}, ${CANH_HOST:?set it in .env. x}',
  );
  const text = exampleText(files, asked);
  expect(text.slice(text.indexOf('##'))).toBe(`## common

# Where it listens.
# CANH_HOST=127.0.0.1

## notifier

# The mail server. Secret: CANH_SMTP_URL_FILE can name a file that holds it instead.
# CANH_SMTP_URL=

## docker-compose.yml

# At least 8 characters.
# DB_PASSWORD=
`);
  expect(settingNames([Mail])).toEqual(new Set(['CANH_HOST', 'CANH_SMTP_URL', 'CANH_SMTP_URL_FILE']));
});

describe('in docker-compose.yml is reported', () => {
  const names = new Set(['CANH_HOST', 'CANH_ADMIN_PASSWORD']);
  const compose = (service: string) => `services:\n  canh:\n    image: canh\n${service}`;

  it.each([
    ['a port on all addresses', '    ports: ["8080:8080"]', 'canh publishes 8080:8080: write 127.0.0.1:8080:8080'],
    [
      'a setting that is not there',
      '    environment: { CANH_HOTS: x }',
      'canh is given CANH_HOTS, which no settings class declares',
    ],
    [
      'a setting that is not there, as a list',
      '    environment: ["CANH_HOTS=x"]',
      'canh is given CANH_HOTS, which no settings class declares',
    ],
    [
      'a password written down',
      '    environment: { DB_PASSWORD: secret }',
      'canh has a DB_PASSWORD written down: ask for it with ${…:?what to set}',
    ],
    [
      'a password with a default',
      '    environment: { DB_PASSWORD: "${PW:-secret}" }',
      'canh has a DB_PASSWORD written down: ask for it with ${…:?what to set}',
    ],
    [
      'a volume that nobody declared',
      '    volumes: ["data:/data"]',
      'canh uses the volume data, which is not declared',
    ],
  ])('%s', (_story, service, fault) => {
    expect(composeFaults(compose(service), names)).toEqual([fault]);
  });

  it('but not what is as it should be', () => {
    const service = [
      '    ports: ["127.0.0.1:8080:8080"]',
      '    environment: { CANH_HOST: 0.0.0.0, CANH_ADMIN_PASSWORD: "${CANH_ADMIN_PASSWORD:?set it}" }',
      '    volumes: ["data:/data", "./x:/x"]',
      'volumes: { data: {} }',
    ].join('\n');
    expect(composeFaults(compose(service), names)).toEqual([]);
  });
});
