import { defineConfig, devices } from '@playwright/test';
import { databases, modelUrl, ports, serveCommand, serverEnv, urlOf, withModel } from './fixtures/servers.ts';

const ready = (port: number) => `${urlOf(port)}/api/v1/health/ready`;
const onRoot = process.getuid?.() === 0;
const browser = {
  ...devices['Desktop Chrome'],
  launchOptions: {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      ...(onRoot ? ['--no-sandbox'] : []),
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
      '--disable-quic',
    ],
  },
};

const alone = ['**/survive_a_kill.spec.ts'];
const looks = '**/look_the_same.spec.ts';
const tiered = ['**/decide_a_budget.spec.ts'];
const withModelOnly = ['watch_live', 'use_a_model', 'go_on', 'look_inside', 'share_live', 'judge_answers'].map((name) => `**/${name}.spec.ts`);
const pictures = '**/take_screenshots.spec.ts';

export default defineConfig({
  testDir: './journeys',
  outputDir: './test-results',
  snapshotPathTemplate: './snapshots/{arg}{ext}',
  fullyParallel: true,
  forbidOnly: Boolean(process.env.CI),
  retries: process.env.CI ? 1 : 0,
  workers: 2,
  timeout: 90_000,
  expect: {
    timeout: 15_000,
    // Another build of the browser draws the edges of letters otherwise, and nothing else: those are told apart
    // and count for little. A row of buttons that is gone counts.
    toHaveScreenshot: { maxDiffPixelRatio: 0.003, scale: 'css' },
  },
  reporter: [['list'], ['html', { open: 'never', outputFolder: './playwright-report' }]],
  use: {
    ...browser,
    locale: 'en-GB',
    timezoneId: 'UTC',
    // Each page is recorded for a trace, which costs as much as some journeys do: where a second try follows,
    // that one is enough.
    trace: process.env.CI ? 'on-first-retry' : 'retain-on-failure',
    screenshot: 'only-on-failure',
  },
  projects: process.env.RESONANT_SCREENSHOTS
    ? [{ name: 'screenshots', testMatch: pictures, use: { baseURL: urlOf(ports.builtin) } }]
    : [
        {
          name: 'builtin',
          testMatch: '**/*.spec.ts',
          testIgnore: [pictures, looks, ...alone, ...tiered, ...withModelOnly],
          use: { baseURL: urlOf(ports.builtin) },
        },
        {
          name: 'openai',
          testMatch: ['**/run_a_template.spec.ts', ...withModelOnly],
          use: { baseURL: urlOf(ports.openai) },
        },
        { name: 'kill', testMatch: alone, use: { baseURL: urlOf(ports.kill) } },
        { name: 'tiers', testMatch: tiered, use: { baseURL: urlOf(ports.tiers) } },
        { name: 'look', testMatch: looks, use: { baseURL: urlOf(ports.look) } },
      ],
  webServer: [
    {
      name: 'model',
      command: `exec node fixtures/openai_server.mjs ${ports.model}`,
      url: `${modelUrl}/v1/models`,
    },
    {
      name: 'builtin',
      command: `unset REDIS_URL OPENAI_BASE_URL; ${serveCommand}`,
      url: ready(ports.builtin),
      // The one where listings are sold, for money that is none.
      env: serverEnv(ports.builtin, databases.builtin, { PAYMENTS: 'test' }),
      gracefulShutdown: { signal: 'SIGTERM', timeout: 5_000 },
    },
    {
      // What others do is not seen there: one look is like the other.
      name: 'look',
      command: `unset REDIS_URL OPENAI_BASE_URL; ${serveCommand}`,
      url: ready(ports.look),
      env: serverEnv(ports.look, databases.look, { PAYMENTS: 'test' }),
      gracefulShutdown: { signal: 'SIGTERM', timeout: 5_000 },
    },
    {
      name: 'openai',
      command: serveCommand,
      url: ready(ports.openai),
      // The one with Redis, so that both ways are played.
      env: serverEnv(ports.openai, databases.openai, { ...withModel, ...(process.env.REDIS_URL ? { REDIS_URL: process.env.REDIS_URL } : {}) }),
      gracefulShutdown: { signal: 'SIGTERM', timeout: 5_000 },
    },
  ],
});
