// The bench: a test set is written, run, fails, is mended and passes; a version waits for it.

import { beGuest } from '../fixtures/seed.ts';
import { expect, test, visit } from '../fixtures/test.ts';

test('a test set holds back a version until it passes', async ({ page }) => {
  const id = await beGuest(page, 'Reckoner');
  await page.request.patch(`/api/v1/agents/${id}`, {
    data: { description: 'Reckons', system_prompt: 'Reckon.', tools: [{ name: 'calculator' }] },
  });
  await visit(page, `/studio/agents/${id}`);
  await page.getByRole('link', { name: 'Bench: test sets' }).click();
  await page.waitForURL(`/studio/agents/${id}/bench`);
  await page.getByRole('button', { name: 'Require them to pass' }).click();
  await expect(page.getByText('needs a test set, because its owner asks for tests')).toBeVisible();

  await page.getByRole('link', { name: 'Add a test set' }).click();
  await page.getByLabel('Name', { exact: true }).first().fill('Basics');
  await page.getByRole('textbox', { name: 'Goal' }).first().fill('What is 12 * 7?');
  await page.getByRole('textbox', { name: /^The answer contains/ }).first().fill('85');
  await page.getByRole('button', { name: 'Save test set' }).click();
  await page.waitForURL(/bench\?set=/);
  await page.getByRole('button', { name: 'Run Basics' }).click();
  await page.waitForURL(/&run=/);
  await expect(page.getByText('1 of 1 failed').first()).toBeVisible({ timeout: 30_000 });
  await expect(page.getByText('Failed: Contains “85”')).toBeVisible();
  expect((await page.request.post(`/api/v1/agents/${id}/versions`, { data: {} })).status()).toBe(409);

  await page.getByRole('link', { name: 'Edit Basics' }).click();
  await page.getByRole('textbox', { name: /^The answer contains/ }).first().fill('84');
  await page.getByRole('button', { name: 'Save test set' }).click();
  await page.waitForURL(/bench\?set=/);
  await page.getByRole('button', { name: 'Run Basics' }).click();
  await expect(page.getByText('All 1 passed').first()).toBeVisible({ timeout: 30_000 });
  expect((await page.request.post(`/api/v1/agents/${id}/versions`, { data: {} })).status()).toBe(201);

  // Tests are no history.
  await visit(page, '/sessions');
  await expect(page.getByText('12 * 7')).toHaveCount(0);
});
