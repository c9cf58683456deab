// An admin sees how the installation stands and makes an alert; to everyone else there is no such page.

import type { Page } from '@playwright/test';
import { expectAccessible, expectNoSidewaysScroll } from '../fixtures/a11y.ts';
import { appoint, signUp } from '../fixtures/people.ts';
import { expect, test, untilLive, visit } from '../fixtures/test.ts';
import type { AccountPages } from '../pages/account.ts';

const pages = [
  { name: 'the overview', path: '/admin', title: /Administration/ },
  { name: 'the service levels', path: '/admin/service-levels?period=24h', title: /Service levels/ },
  { name: 'the alerts', path: '/admin/alerts', title: /Alerts/ },
];

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
  await expect(page.getByRole('textbox', { name: 'Name', exact: true })).toHaveValue(name);
  await page.getByRole('textbox', { name: 'Value', exact: true }).fill('100000');
  await page.getByRole('button', { name: 'Make the alert' }).click();
  await expect(page.getByRole('heading', { level: 2, name })).toBeVisible();
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Silence', exact: true }).click();
  await expect(page.getByRole('button', { name: 'End the silence' })).toBeVisible();
  await page.getByRole('button', { name: 'Delete the alert' }).click();
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
  // Measurements are written every ten seconds.
  await page.waitForResponse(/\/api\/fn\/admin\/get_overview/, { timeout: 25_000 });
  await page.getByRole('button', { name: 'Stop refreshing' }).click();
  await expect(page.getByRole('button', { name: 'Refresh as it is measured' })).toBeVisible();
});

for (const { name, path, title } of pages) {
  test(`${name}: accessible, narrow, from its own chunk`, async ({ page }) => {
    await beAdmin(page);
    const chunks: string[] = [];
    page.on('response', (response) => {
      const file = new URL(response.url()).pathname;
      if (file.includes('split_admin') && file.endsWith('.wasm')) chunks.push(file);
    });
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await visit(page, path);
      await expect(page).toHaveTitle(title);
      await expectAccessible(page);
    }
    expect(chunks.length).toBeGreaterThan(0);
    await page.setViewportSize({ width: 360, height: 740 });
    await page.reload();
    await untilLive(page);
    await expectNoSidewaysScroll(page);
    await expect(page.getByRole('heading', { level: 1 })).toHaveCount(1);
  });
}

test('to everyone else there is no administration', async ({ page, browserConsole }) => {
  browserConsole.allow(/404/);
  for (const { path } of pages) {
    const answer = await page.goto(path);
    expect(answer?.status(), path).toBe(404);
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Page not found');
  }
});
