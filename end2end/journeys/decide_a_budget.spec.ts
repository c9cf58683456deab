// A session whose budget does not reach asks its owner: more, a cheaper model, or the end.

import { mkdirSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { expectAccessible } from '../fixtures/a11y.ts';
import { beGuest, readSession, startSession } from '../fixtures/seed.ts';
import { OwnServer, ports, serverEnv, withModel } from '../fixtures/servers.ts';
import { expect, refusal, test, visit } from '../fixtures/test.ts';
import { SessionPage } from '../pages/session.ts';

test.describe.configure({ mode: 'serial', timeout: 120_000 });

let server: OwnServer;

test.beforeAll(async ({}, info) => {
  mkdirSync(info.project.outputDir, { recursive: true });
  // What is simple costs nothing, all else goes to the dear model.
  const small = { MODELS_SIMPLE: 'openai:small-model', MODEL_FACTS: 'openai:small-model=0/0' };
  const env = serverEnv(ports.tiers, 'resonant_tiers', { ...withModel, ...small });
  server = new OwnServer(ports.tiers, env, `${info.project.outputDir}/tiers-server.log`);
  server.prepare();
  await server.start();
});

test.afterAll(() => server.kill());

/** A session that has come to its limit before it has asked a model, opened. */
async function openPoor(page: Page) {
  const agentId = await beGuest(page);
  await page.request.patch(`/api/v1/agents/${agentId}`, { data: { limits: { max_cost_micro_usd: 50 } } });
  const id = await startSession(page, agentId, 'Compare, analyse and plan it [[say Planned.]]');
  await visit(page, `/sessions/${id}`);
  const session = new SessionPage(page);
  await expect(session.decision).toContainText('does not reach for the next step');
  await session.expectState('Waiting');
  return { id, session };
}

test('a budget is raised, and the session goes on', async ({ page, browserConsole }) => {
  browserConsole.allow(refusal);
  const { id, session } = await openPoor(page);
  await expectAccessible(page);
  const by = session.decision.getByLabel('Raise it by');
  // As much again as there was.
  await expect(by).toHaveValue('0.00005');
  await by.fill('much');
  await session.decision.getByRole('button', { name: 'Raise it', exact: true }).click();
  await expect(session.decision.getByRole('alert')).toBeVisible();
  await by.fill('1');
  await session.decision.getByRole('button', { name: 'Raise it', exact: true }).click();
  await session.expectCompleted();
  expect(JSON.stringify((await readSession(page, id)).events)).toContain('"by":1000000');
  await expect(session.decision).toBeHidden();
  await expect(session.output.last()).toHaveText('Planned.');
  await expect(session.fact('Answered by')).toHaveText('test-model');
});

test('a cheaper model goes on where money is short', async ({ page }) => {
  const { session } = await openPoor(page);
  await session.decision.getByRole('button', { name: 'Go on with a cheaper model' }).click();
  await session.expectCompleted();
  await expect(session.output.last()).toHaveText('Planned.');
  await expect(session.fact('Answered by')).toHaveText('small-model');
});

test('a session is ended at its limit', async ({ page }) => {
  const { id, session } = await openPoor(page);
  await session.decision.getByRole('button', { name: 'End the session' }).click();
  await session.expectState('Cancelled');
  await expect(page.getByText('ended at the limit of its costs')).toBeVisible();
  expect((await readSession(page, id)).state).toBe('cancelled');
});
