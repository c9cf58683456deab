// The server is killed in the middle of a session, as a crash or a lost machine would. After the next
// start the session goes on from its log or ends with a reason; it never stays at work for ever.

import { mkdirSync } from 'node:fs';
import { OwnServer, ports, serverEnv, withModel } from '../fixtures/servers.ts';
import { beGuest, expectWholeLog, readSession, startSession, untilEnded } from '../fixtures/seed.ts';
import { expect, test, visit } from '../fixtures/test.ts';

test.describe.configure({ mode: 'serial', timeout: 120_000 });

let server: OwnServer;

test.beforeAll(async ({}, info) => {
  mkdirSync(info.project.outputDir, { recursive: true });
  server = new OwnServer(ports.kill, serverEnv(ports.kill, 'resonant_kill', withModel), `${info.project.outputDir}/kill-server.log`);
  server.prepare();
  await server.start();
});

test.afterAll(() => server.kill());

test('a session that writes its answer goes on after a kill', async ({ page, browserConsole }) => {
  browserConsole.allow(/ERR_|Failed to load resource/);
  const agentId = await beGuest(page);
  const id = await startSession(page, agentId, 'Count [[words 30]] [[slow 100]]');
  await visit(page, `/sessions/${id}`);
  await expect(page.getByText('word3', { exact: false }).first()).toBeVisible();
  const before = await readSession(page, id);
  expect(before.state).toBe('running');

  await server.kill();
  await server.start();

  const after = await untilEnded(page, id, 90_000);
  expect(['completed', 'failed']).toContain(after.state);
  if (after.state === 'failed') expect(after.reason).toBeTruthy();
  expectWholeLog(after);
  expect(after.events!.slice(0, before.events!.length)).toEqual(before.events);
  // The page that stayed open hears the end too.
  await expect(page.getByText(after.state === 'completed' ? 'Completed' : 'Failed', { exact: true }).first()).toBeVisible();
});

test('a session that waits for its tools goes on after a kill', async ({ page }) => {
  const agentId = await beGuest(page, 'Second');
  await page.request.patch(`/api/v1/agents/${agentId}`, { data: { tools: [{ name: 'calculator' }] } });
  const id = await startSession(page, agentId, 'Add [[call calculator {"expression":"40+2"}]] [[slow 300]]');
  await expect.poll(async () => (await readSession(page, id)).events!.some((event) => event.type === 'step_start')).toBe(true);
  await server.kill();
  await server.start();
  const after = await untilEnded(page, id, 90_000);
  expect(after.state).toBe('completed');
  expectWholeLog(after);
  expect(JSON.stringify(after.events)).toContain('42');
});
