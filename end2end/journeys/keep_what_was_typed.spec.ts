// A form that the server refuses keeps what was typed, also where its page lists what there is already.

import { beGuest } from '../fixtures/seed.ts';
import { expect, refusal, test, visit } from '../fixtures/test.ts';

test('a schedule that is refused keeps its fields, and is made once it is right', async ({ page, browserConsole }) => {
  browserConsole.allow(refusal);
  await beGuest(page);
  await visit(page, '/studio/automations');
  const schedules = page.getByRole('region', { name: 'Schedules' });
  await schedules.getByLabel('When').fill('every morning');
  await schedules.getByLabel('Goal').fill('What is 1 + 1?');
  await schedules.getByRole('button', { name: 'Add schedule' }).click();
  await expect(schedules.locator('[aria-invalid="true"]')).toHaveCount(1);
  await expect(schedules.getByLabel('When')).toHaveValue('every morning');
  await expect(schedules.getByLabel('Goal')).toHaveValue('What is 1 + 1?');

  await schedules.getByLabel('When').fill('30 7 * * 1-5');
  await schedules.getByRole('button', { name: 'Add schedule' }).click();
  await expect(schedules.getByText('30 7 * * 1-5')).toBeVisible();
});

test('a secret that is refused keeps its name and hosts', async ({ page, browserConsole }) => {
  browserConsole.allow(refusal);
  await beGuest(page);
  await visit(page, '/account/secrets');
  const form = page.locator('form').filter({ hasText: 'Add secret' });
  await form.getByLabel('Name').fill('NOT A NAME');
  await form.getByLabel('Value').fill('a long enough value');
  await form.getByLabel('Hosts').fill('api.example.org');
  await form.getByRole('button', { name: 'Add secret' }).click();
  await expect(form.locator('[aria-invalid="true"]')).toHaveCount(1);
  await expect(form.getByLabel('Name')).toHaveValue('NOT A NAME');
  await expect(form.getByLabel('Hosts')).toHaveValue('api.example.org');
});
