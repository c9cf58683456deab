// What works without a person: secrets for tools, keys for programs, schedules, triggers and webhooks. A
// form that is refused keeps what was typed.

import { expectAccessible, expectNoSidewaysScroll } from '../fixtures/a11y.ts';
import { beGuest, startSession, untilEnded } from '../fixtures/seed.ts';
import { expect, refusal, test, untilLive, visit } from '../fixtures/test.ts';

test('a secret is kept for the hosts that it is for', async ({ page, browserConsole }) => {
  browserConsole.allow(refusal);
  await beGuest(page);
  await visit(page, '/account/secrets');
  const name = page.getByLabel('Name', { exact: true });
  const add = page.getByRole('button', { name: 'Add secret' });
  await name.fill('lower case');
  await page.getByLabel('Value', { exact: true }).fill('0123456789abcdef');
  await page.getByLabel('Hosts', { exact: true }).fill('api.example.org');
  await add.click();
  await expect(name).toHaveAttribute('aria-invalid', 'true');
  await expect(name).toHaveValue('lower case');
  await expect(page.getByLabel('Hosts', { exact: true })).toHaveValue('api.example.org');
  await expectAccessible(page);

  await name.fill('API_TOKEN');
  await page.getByLabel('Value', { exact: true }).fill('0123456789abcdef');
  await add.click();
  await expect(page.getByText('API_TOKEN', { exact: true }).first()).toBeVisible();
  await expect(page.locator('body')).not.toContainText('0123456789abcdef');
  await page.getByText('Replace or delete API_TOKEN').click();
  // It is asked for once more, and nothing happens to who thinks better of it.
  await page.getByRole('button', { name: 'Delete API_TOKEN' }).click();
  const dialog = page.getByRole('dialog', { name: 'Delete API_TOKEN?' });
  await expectAccessible(page, 'with the question');
  // Whoever holds down the key that asked has not answered.
  await expect(dialog.getByRole('button', { name: 'Keep it' })).toBeFocused();
  await dialog.getByRole('button', { name: 'Keep it' }).click();
  await expect(dialog).toBeHidden();
  await page.getByRole('button', { name: 'Delete API_TOKEN' }).click();
  await dialog.getByRole('button', { name: 'Yes, delete it' }).click();
  await expect(page.getByRole('button', { name: 'Delete API_TOKEN' })).toHaveCount(0);
  // The button that had the focus is gone.
  await expect(page.locator('main')).toBeFocused();
});

test('a secret that was deleted elsewhere goes from the list', async ({ page, browserConsole }) => {
  browserConsole.allow(/status of 404/);
  await beGuest(page);
  const kept = await page.request.post('/api/v1/secrets', {
    data: { name: 'API_TOKEN', value: '0123456789abcdef', hosts: ['api.example.org'] },
  });
  expect(kept.status(), await kept.text()).toBe(201);
  await visit(page, '/account/secrets');
  expect((await page.request.delete('/api/v1/secrets/API_TOKEN')).status()).toBe(204);
  await page.getByText('Replace or delete API_TOKEN').click();
  await page.getByRole('button', { name: 'Delete API_TOKEN' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Yes, delete it' }).click();
  await expect(page.getByText('API_TOKEN', { exact: true })).toHaveCount(0);
  await expect(page.locator('.form-error')).toHaveCount(0);
});

test('a program gets a key, and loses it', async ({ page, browserConsole, playwright, baseURL }) => {
  browserConsole.allow(refusal);
  await beGuest(page);
  await visit(page, '/account/keys');
  await page.getByLabel('Name', { exact: true }).fill('Nightly report');
  await page.getByRole('button', { name: 'Make the key' }).click();
  await expect(page.getByText(/at least one|Must|Choose/).first()).toBeVisible();
  await expect(page.getByRole('group', { name: 'What it may do' })).toHaveAccessibleDescription(/\S/);
  await expect(page.getByLabel('Name', { exact: true })).toHaveValue('Nightly report');

  await page.getByRole('checkbox', { name: /agents:read/ }).check();
  await page.getByRole('button', { name: 'Make the key' }).click();
  const key = (await page.getByRole('status').locator('code').first().innerText()).trim();
  const program = await playwright.request.newContext({ baseURL, extraHTTPHeaders: { authorization: `Bearer ${key}` } });
  expect((await program.get('/api/v1/agents')).status()).toBe(200);
  await page.getByRole('button', { name: 'Revoke Nightly report' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Yes, revoke it' }).click();
  await expect(page.getByRole('button', { name: 'Revoke Nightly report' })).toHaveCount(0);
  await expect.poll(async () => (await program.get('/api/v1/agents')).status()).toBe(401);
  await program.dispose();
});

test('a schedule, a trigger and a webhook come and go', async ({ page, browserConsole }) => {
  browserConsole.allow(refusal);
  await beGuest(page, 'Early bird');
  await visit(page, '/studio/automations');
  const when = page.getByLabel('When');
  const goal = page.locator('#schedule-goal');
  await when.fill('every morning');
  await goal.fill('Say good morning');
  await page.getByRole('button', { name: 'Add schedule' }).click();
  await expect(when).toHaveAttribute('aria-invalid', 'true');
  await expect(when).toHaveValue('every morning');
  await expect(goal).toHaveValue('Say good morning');
  await when.fill('30 7 * * 1-5');
  await page.getByRole('button', { name: 'Add schedule' }).click();
  const schedules = page.getByRole('region', { name: 'Schedules' });
  await expect(schedules.getByRole('listitem')).toHaveCount(1);
  await expect(schedules.getByText(/^Next/)).toBeVisible();
  await schedules.getByRole('button', { name: 'Switch off' }).click();
  await expect(schedules.getByRole('button', { name: 'Switch on' })).toBeVisible();
  const row = schedules.getByRole('listitem');
  await row.locator('summary', { hasText: 'Change the schedule of Early bird, 30 7 * * 1-5: Say good morning' }).click();
  await row.getByLabel('When').fill('every evening');
  await row.getByLabel('Material').fill('The weather');
  await row.getByRole('button', { name: 'Save changes' }).click();
  await expect(row.getByLabel('When')).toHaveAttribute('aria-invalid', 'true');
  await expect(page.locator('#schedule-cron')).not.toHaveAttribute('aria-invalid', 'true');
  await row.getByLabel('When').fill('45 7 * * 1-5');
  await row.getByLabel('Run the newest version of the agent').check();
  await row.getByRole('button', { name: 'Save changes' }).click();
  await expect(row.getByRole('code')).toHaveText('45 7 * * 1-5');
  await expect(row.getByLabel('Material')).toHaveValue('The weather');

  await page.locator('#trigger-goal').fill('Read what came');
  await page.getByRole('button', { name: 'Add trigger' }).click();
  await expect(page.getByRole('region', { name: 'Triggers' }).getByText('Key that signs the messages')).toBeVisible();
  await page.getByLabel('Address').fill('https://example.org/hook');
  await page.getByRole('button', { name: 'Add webhook' }).click();
  await expect(page.getByRole('region', { name: 'Webhooks' }).getByRole('code')).toHaveText('https://example.org/hook');
  await expectAccessible(page);

  // Who hears the buttons alone hears what each deletes.
  await expect(
    schedules.getByRole('button', { name: 'Delete the schedule of Early bird, 45 7 * * 1-5: Say good morning' }),
  ).toBeVisible();
  await expect(
    page.getByRole('region', { name: 'Triggers' }).getByRole('button', { name: /^Delete the trigger at .+: Read what came$/ }),
  ).toBeVisible();
  for (const name of ['Schedules', 'Triggers', 'Webhooks']) {
    const region = page.getByRole('region', { name });
    await region.getByRole('button', { name: /^Delete/ }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Yes, delete it' }).click();
    await expect(region.getByRole('listitem')).toHaveCount(0);
  }
});

test('a form of a row keeps nothing that was typed for the one that stood there before', async ({ page }) => {
  await beGuest(page, 'Early bird');
  await visit(page, '/studio/automations');
  const schedules = page.getByRole('region', { name: 'Schedules' });
  const first = schedules.getByRole('listitem').first();
  const schedule = async (cron: string, goal: string) => {
    await page.locator('#schedule-cron').fill(cron);
    await page.locator('#schedule-goal').fill(goal);
    await page.getByRole('button', { name: 'Add schedule' }).click();
    await expect(first.getByRole('code')).toHaveText(cron);
  };
  await schedule('30 7 * * *', 'Say good morning');
  await first.locator('summary', { hasText: 'Change the schedule' }).click();
  await first.getByLabel('When').fill('45 7 * * *');
  await first.getByLabel('Run the newest version of the agent').check();
  await first.getByRole('button', { name: 'Save changes' }).click();
  await expect(first.getByRole('code')).toHaveText('45 7 * * *');
  // The newest one comes first.
  await schedule('0 21 * * *', 'Say good night');
  await expect(first.getByLabel('When')).toHaveValue('0 21 * * *');
  await expect(first.getByLabel('Goal')).toHaveValue('Say good night');
  await expect(first.locator('[name=refresh_agent]')).not.toBeChecked();

  await visit(page, '/account/secrets');
  const secret = async (name: string, host: string) => {
    await page.getByLabel('Name', { exact: true }).fill(name);
    await page.getByLabel('Value', { exact: true }).fill('0123456789abcdef');
    await page.locator('#field-hosts').fill(host);
    await page.getByRole('button', { name: 'Add secret' }).click();
    await expect(page.locator(`#hosts-${name}`)).toHaveValue(host);
  };
  await secret('B_TOKEN', 'b.example.org');
  await page.getByText('Replace or delete B_TOKEN').click();
  await page.locator('#hosts-B_TOKEN').fill('c.example.org');
  await page.locator('#value-B_TOKEN').fill('fedcba9876543210');
  await secret('A_TOKEN', 'a.example.org');
  await expect(page.locator('#value-A_TOKEN')).toHaveValue('');
});

test('a webhook shows what it was told, and tells it again', async ({ page }) => {
  const agent = await beGuest(page, 'Teller');
  await visit(page, '/studio/automations');
  // Nobody answers there, and tools may not go there: the message is refused each time.
  await page.getByLabel('Address').fill('http://127.0.0.1:9/hook');
  await page.getByRole('button', { name: 'Add webhook' }).click();
  const webhooks = page.getByRole('region', { name: 'Webhooks' });
  await webhooks.getByRole('link', { name: 'What it was told' }).click();
  await expect(page.getByText('Nothing was told yet')).toBeVisible();
  const session = await startSession(page, agent, 'What is 2 + 3?');
  await untilEnded(page, session);

  const messages = page.locator('main').getByRole('listitem');
  // It is sent again by itself after five seconds, and then after thirty.
  await expect(async () => {
    await page.reload();
    await expect(messages).toContainText('2 attempts', { timeout: 500 });
  }).toPass({ timeout: 25_000 });
  await expect(messages).toHaveCount(1);
  await expect(messages).toContainText('not on the public Internet');
  await expect(messages.getByRole('link', { name: 'the session' })).toHaveAttribute('href', `/sessions/${session}`);
  await expectAccessible(page);
  await page.setViewportSize({ width: 360, height: 740 });
  await expectNoSidewaysScroll(page);
  await untilLive(page);
  await messages.getByRole('button', { name: 'Send again' }).click();
  await expect(page.getByText('The message is sent again within seconds')).toBeVisible();
  await expect(messages).toContainText('3 attempts');
});
