// An admin sees how the installation stands and makes an alert; to everyone else there is no such page.

import type { Page } from '@playwright/test';
import { expectAccessible } from '../fixtures/a11y.ts';
import { appoint, signUp } from '../fixtures/people.ts';
import { expect, test, visit } from '../fixtures/test.ts';
import type { AccountPages } from '../pages/account.ts';

/** Signs up, and is appointed. */
async function beAdmin(page: Page): Promise<AccountPages> {
  const account = await signUp(page, 'Operator');
  appoint(account);
  return account;
}

test('the administration is found in the menu of an admin', async ({ page }) => {
  const account = await beAdmin(page);
  await visit(page, '/');
  await account.openMenu();
  await account.menu.getByRole('link', { name: 'Administration' }).click();
  await expect(page).toHaveURL('/admin');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Administration');
  await page.getByRole('link', { name: 'Service levels' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Service levels');
  await expect(page.getByRole('row', { name: /API response time \(p99\)/ })).toBeVisible();
  await page.getByRole('link', { name: '7 days' }).click();
  await expect(page).toHaveURL(/period=7d/);
  await expect(page.getByRole('link', { name: '7 days' })).toHaveAttribute('aria-current', 'true');
  await page.getByRole('button', { name: 'Stop refreshing' }).click();
  await expect(page.getByRole('button', { name: 'Refresh as it is measured' })).toBeVisible();
});

test('an alert is made, silenced and deleted', async ({ page, browserConsole }) => {
  browserConsole.allow(/status of 400/);
  await beAdmin(page);
  await visit(page, '/admin/alerts');
  const name = `Queue ${Date.now()}`;
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill(name);
  await page.getByRole('textbox', { name: 'Value', exact: true }).fill('much');
  await page.getByRole('button', { name: 'Make the alert' }).click();
  await expect(page.getByText('must be a number')).toBeVisible();
  await expect(page.getByRole('textbox', { name: 'Value', exact: true })).toBeFocused();
  await expect(page.getByRole('textbox', { name: 'Name', exact: true })).toHaveValue(name);
  await page.getByRole('textbox', { name: 'Value', exact: true }).fill('100000');
  await page.getByRole('button', { name: 'Make the alert' }).click();
  await expect(page.getByRole('heading', { level: 2, name })).toBeVisible();
  await expectAccessible(page);
  // What is done to it leaves what is being written, and who goes on with keys on the page.
  const written = page.getByRole('textbox', { name: 'Name', exact: true });
  await written.fill('Half a name');
  const silence = page.getByRole('button', { name: 'Silence', exact: true });
  await silence.click();
  await expect(page.getByRole('region', { name: 'History' }).getByText('for 1 hour')).toBeVisible();
  // What was pressed keeps the focus while it is on its way, and afterwards.
  await expect(silence).toBeEnabled();
  await expect(silence).toBeFocused();
  const end = page.getByRole('button', { name: 'End the silence' });
  await end.focus();
  await page.keyboard.press('Enter');
  await expect(end).toHaveCount(0);
  await expect(page.locator('main')).toBeFocused();
  await expect(written).toHaveValue('Half a name');
  await page.getByRole('button', { name: 'Delete the alert' }).click();
  const dialog = page.getByRole('dialog', { name: `Delete “${name}”?` });
  await dialog.getByRole('button', { name: 'Keep it' }).click();
  await expect(dialog).toBeHidden();
  await page.getByRole('button', { name: 'Delete the alert' }).click();
  await dialog.getByRole('button', { name: 'Yes, delete it' }).click();
  await expect(page).toHaveURL('/admin/alerts');
  await expect(page.getByRole('link', { name })).toHaveCount(0);
});

test('mail is refused where none can be sent, and what was typed stays', async ({ page, browserConsole }) => {
  browserConsole.allow(/status of 400/);
  await beAdmin(page);
  await visit(page, '/admin/alerts');
  const name = `Mail ${Date.now()}`;
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill(name);
  const mail = page.getByRole('textbox', { name: /Mail that is sent/ });
  await mail.fill('ops@example.org');
  await page.getByRole('button', { name: 'Make the alert' }).click();
  await expect(page.getByText(/SMTP_URL is not set/).first()).toBeVisible();
  await expect(mail).toHaveValue('ops@example.org');
  await expect(page.getByRole('link', { name })).toHaveCount(0);
});

test('figures come by themselves as they are measured', async ({ page }) => {
  await beAdmin(page);
  let [streams, read] = [0, 0];
  page.on('response', (answer) => {
    streams += Number(answer.url().endsWith('/api/v1/service-levels/stream'));
    read += Number(answer.url().includes('/api/fn/admin/get_overview'));
  });
  const opened = page.waitForRequest(/\/api\/v1\/service-levels\/stream$/);
  await visit(page, '/admin');
  await opened;
  // The process that answers has told of itself, and the period is drawn, with its values as a table.
  await expect(page.getByRole('region', { name: 'Processes' }).getByRole('row').nth(1)).toBeVisible();
  const chart = page.getByRole('figure').filter({ hasText: 'Sessions running' });
  await expect(chart).toBeVisible();
  for (const part of ['Databases of owners', 'Who asked too often', 'Replicas']) {
    await expect(page.getByRole('heading', { name: part })).toBeVisible();
  }
  // Once as the stream opens, and again as measurements are written, every ten seconds.
  await expect.poll(() => read, { timeout: 35_000 }).toBeGreaterThan(1);
  // What was read opens no other stream.
  expect(streams).toBe(1);
  await page.getByRole('button', { name: 'Stop refreshing' }).click();
  await expect(page.getByRole('button', { name: 'Refresh as it is measured' })).toBeVisible();
});

test('what happens to alerts before their stream stands shows once it does', async ({ page }) => {
  await beAdmin(page);
  let release = () => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  await page.route('**/api/v1/alerts/stream', async (route) => {
    await gate;
    await route.continue();
  });
  await visit(page, '/admin/alerts');
  const name = `Before the stream ${Date.now()}`;
  const condition = { operator: 'gt', value: 100_000, period: '5m' };
  const made = await page.request.post('/api/v1/alerts', { data: { name, type: 'threshold', metric: 'api.latency.count', condition } });
  expect(made.status(), await made.text()).toBe(201);
  const link = page.getByRole('link', { name });
  await expect(link).toHaveCount(0);
  release();
  await expect(link).toBeVisible();
  const { id } = (await made.json()) as { id: string };
  await page.request.delete(`/api/v1/alerts/${id}`);
  await expect(link).toHaveCount(0);
});

test('a page that nobody sees keeps no stream open', async ({ page }) => {
  await beAdmin(page);
  const asked: string[] = [];
  page.on('request', (request) => {
    if (request.url().endsWith('/api/v1/alerts/stream')) asked.push(request.url());
  });
  await visit(page, '/admin/alerts');
  await expect.poll(() => asked.length).toBe(1);
  const show = (isShown: boolean) =>
    page.evaluate((isShown) => {
      Object.defineProperty(document, 'hidden', { configurable: true, value: !isShown });
      document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
    }, isShown);
  await show(false);
  const name = `While nobody looked ${Date.now()}`;
  const condition = { operator: 'gt', value: 100_000, period: '5m' };
  const made = await page.request.post('/api/v1/alerts', { data: { name, type: 'threshold', metric: 'api.latency.count', condition } });
  expect(made.status(), await made.text()).toBe(201);
  expect(asked).toHaveLength(1);
  await show(true);
  await expect(page.getByRole('link', { name })).toBeVisible();
  expect(asked).toHaveLength(2);
  const { id } = (await made.json()) as { id: string };
  await page.request.delete(`/api/v1/alerts/${id}`);
});

test('an alert that fires is acknowledged, and taken as over', async ({ page }) => {
  test.slow();
  await beAdmin(page);
  // What is asked meanwhile is what it counts.
  const name = `Asked at all ${Date.now()}`;
  const condition = { operator: 'gt', value: 0, period: '5m' };
  const made = await page.request.post('/api/v1/alerts', { data: { name, type: 'threshold', metric: 'api.latency.count', condition, severity: 'critical' } });
  expect(made.status(), await made.text()).toBe(201);
  const { id } = (await made.json()) as { id: string };
  const state = async () => ((await (await page.request.get(`/api/v1/alerts/${id}`)).json()) as { state: string }).state;
  await expect.poll(state, { timeout: 60_000, intervals: [1_000] }).toBe('firing');

  await visit(page, '/admin');
  // What is told there may be ten seconds old.
  await expect(page.getByText(/An alert fires|\d+ alerts fire/)).toBeVisible({ timeout: 25_000 });
  await page.getByRole('link', { name: 'See the alerts' }).click();
  const row = page.getByRole('listitem').filter({ has: page.getByRole('link', { name }) });
  await expect(row.getByText('Firing', { exact: true })).toBeVisible();
  await row.getByRole('link', { name }).click();
  const alert = page.getByRole('region', { name });
  await expect(alert.getByText('Firing', { exact: true })).toBeVisible();
  await expectAccessible(page);
  await alert.getByRole('button', { name: 'Acknowledge' }).click();
  await expect(alert.getByText('Acknowledged', { exact: true })).toBeVisible();
  await expect(alert.getByRole('button', { name: 'Acknowledge' })).toHaveCount(0);
  await expect(page.locator('main')).toBeFocused();
  await alert.getByRole('button', { name: 'Resolve' }).click();
  await expect(alert.getByText('Resolved by hand', { exact: true })).toBeVisible();
  await expect(alert.getByRole('button', { name: 'Resolve' })).toHaveCount(0);
  const history = page.getByRole('region', { name: 'History' }).getByRole('listitem');
  await expect(history).toHaveText([/Resolved by hand by Operator/, /Acknowledged by Operator/, /Fired/]);
  await page.getByRole('button', { name: 'Delete the alert' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Yes, delete it' }).click();
  await expect(page).toHaveURL('/admin/alerts');
});

test('what others do to an alert shows at once, and what is being written stays', async ({ page, browserConsole }) => {
  // The alert is gone when it is asked for last.
  browserConsole.allow(/status of 404/);
  await beAdmin(page);
  const opened = () => page.waitForResponse(/\/api\/v1\/alerts\/stream$/);
  let stream = opened();
  await visit(page, '/admin/alerts');
  await stream;
  const written = page.getByRole('textbox', { name: 'Name', exact: true });
  await written.fill('Half a name');
  const name = `Of another one ${Date.now()}`;
  const condition = { operator: 'gt', value: 100_000, period: '5m' };
  const made = await page.request.post('/api/v1/alerts', { data: { name, type: 'threshold', metric: 'api.latency.count', condition } });
  expect(made.status(), await made.text()).toBe(201);
  const { id } = (await made.json()) as { id: string };
  const path = `/api/v1/alerts/${id}`;
  const row = page.getByRole('listitem').filter({ has: page.getByRole('link', { name }) });
  await expect(row).toBeVisible();
  await page.request.post(`${path}/silence`, { data: { period: '1h' } });
  await expect(row.getByText(/Silenced until/)).toBeVisible();
  await expect(written).toHaveValue('Half a name');

  stream = opened();
  await row.getByRole('link', { name }).click();
  await expect(page.getByRole('heading', { level: 2, name })).toBeVisible();
  await stream;
  await written.fill('Another half');
  await expect(page.getByRole('button', { name: 'End the silence' })).toBeVisible();
  await page.request.post(`${path}/silence`, { data: {} });
  await expect(page.getByRole('button', { name: 'End the silence' })).toHaveCount(0);
  const history = page.getByRole('region', { name: 'History' }).getByRole('listitem');
  await expect(history).toHaveText([/Silence ended by Operator/, /Silenced by Operator/]);
  await expect(written).toHaveValue('Another half');
  const missed: string[] = [];
  page.on('response', (answer) => {
    if (answer.status() === 404) missed.push(answer.url());
  });
  await page.request.delete(path);
  await expect(page.getByRole('heading', { name: 'This alert was deleted' })).toBeVisible();
  // Who was told that it is gone does not ask again.
  expect(missed).toHaveLength(1);
  await page.getByRole('main').getByRole('link', { name: 'See the alerts' }).click();
  await expect(page).toHaveURL('/admin/alerts');
});

test('to everyone else there is no administration', async ({ page, browserConsole }) => {
  browserConsole.allow(/404/);
  for (const path of ['/admin', '/admin/service-levels?period=24h', '/admin/alerts']) {
    const answer = await page.goto(path);
    expect(answer?.status(), path).toBe(404);
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Page not found');
  }
});
