// An agent leaves as a file, comes back as another one, and takes changes from a file.

import { beGuest } from '../fixtures/seed.ts';
import { expect, refusal, test, visit } from '../fixtures/test.ts';

const text = 'The file\'s text';

test('a file shows what it changes, then changes it', async ({ page }) => {
  const agentId = await beGuest(page);
  const exported = await (await page.request.get(`/api/v1/agents/${agentId}/export`)).text();
  const file = JSON.parse(exported) as { name: string; system_prompt: string[] };
  const changed = JSON.stringify({ ...file, name: 'Better', system_prompt: ['Be brief.', 'Be right.'] });

  await visit(page, `/studio/agents/${agentId}`);
  await page.getByRole('link', { name: 'Import a file' }).click();
  await expect(page.getByRole('heading', { level: 1, name: `Import into ${file.name}` })).toBeVisible();
  await page.getByLabel('Choose a file').setInputFiles({ name: 'agent.json', mimeType: 'application/json', buffer: Buffer.from(changed) });
  await expect(page.getByLabel(text)).toHaveValue(changed);
  await page.getByRole('button', { name: 'See what it changes' }).click();
  const changes = page.getByRole('region', { name: 'What the file changes' });
  await expect(changes.getByRole('row', { name: /name/ })).toContainText('Better');
  await expect(changes).toContainText('Be right.');
  const before = (await (await page.request.get(`/api/v1/agents/${agentId}`)).json()) as { name: string };
  expect(before.name).toBe(file.name);

  await page.getByRole('button', { name: 'Replace the draft' }).click();
  await expect(page).toHaveURL(new RegExp(`/studio/agents/${agentId}$`));
  await expect(page.locator('[name="form[name]"]')).toHaveValue('Better');
});

test('a file replaces what was changed elsewhere once its reader says so', async ({ page, browserConsole }) => {
  browserConsole.allow(refusal);
  const agentId = await beGuest(page);
  await visit(page, `/studio/import?agent=${agentId}`);
  await page.getByLabel(text).fill('{"resonant_agent":1,"name":"From a file"}');
  await page.request.patch(`/api/v1/agents/${agentId}`, { data: { description: 'From elsewhere' } });
  const replace = page.getByRole('button', { name: 'Replace the draft' });
  await replace.click();
  await expect(page.getByText('This agent was changed elsewhere after you opened it')).toBeVisible();
  // What it would change is looked at, and asked for once more.
  await page.getByRole('button', { name: 'See what it changes' }).click();
  await expect(page.getByRole('region', { name: 'What the file changes' })).toContainText('From elsewhere');
  await replace.click();
  await page.getByRole('button', { name: 'Keep mine' }).click();
  await expect(page).toHaveURL(new RegExp(`/studio/agents/${agentId}$`));
  await expect(page.locator('[name="form[name]"]')).toHaveValue('From a file');
});

test('what a file changes is told of the text that stands there', async ({ page }) => {
  await beGuest(page);
  await visit(page, '/studio/import');
  let release = () => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  await page.route(/\/api\/fn\/studio\/check_file/, async (route) => {
    await gate;
    await route.continue();
  });
  const see = page.getByRole('button', { name: 'See what it changes' });
  const changes = page.getByRole('region', { name: 'What the file changes' });
  await page.getByLabel(text).fill('{"resonant_agent":1,"name":"First"}');
  const sent = page.waitForRequest(/\/api\/fn\/studio\/check_file/);
  await see.click();
  await sent;
  await page.getByLabel(text).fill('{"resonant_agent":1,"name":"Second"}');
  const answered = page.waitForResponse(/\/api\/fn\/studio\/check_file/);
  release();
  await (await answered).finished();
  await expect(see).not.toHaveAttribute('aria-busy', 'true');
  await expect(changes).toHaveCount(0);
  await see.click();
  await expect(changes).toContainText('Second');
});

test('a file becomes a new agent, and what is no agent is refused beside its field', async ({ page, browserConsole }) => {
  browserConsole.allow(refusal);
  await visit(page, '/studio/import');
  await page.getByRole('button', { name: 'See what it changes' }).click();
  await expect(page.getByText('Must not be empty: choose a file or paste one')).toBeVisible();
  await page.getByLabel(text).fill('{"name":"Reader"}');
  await page.getByRole('button', { name: 'Create agent' }).click();
  await expect(page.getByText(/Must be an exported agent/)).toBeVisible();
  await page.getByLabel(text).fill('{"resonant_agent":1,"name":"Reader","tools":[{"name":"calculator"}]}');
  await page.getByRole('button', { name: 'Create agent' }).click();
  await expect(page).toHaveURL(/\/studio\/agents\/[0-9a-f-]{36}$/);
  await expect(page.locator('[name="form[name]"]')).toHaveValue('Reader');
});
