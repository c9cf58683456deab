// Filters with counts, what was found is marked, and all of it stands in the address.

import { expect, test, visit } from '../fixtures/test.ts';

test('tags and tools narrow the list, one after the other, and are taken back', async ({ page }) => {
  await visit(page, '/marketplace');
  await page.getByText('Filters', { exact: true }).click();
  const tags = page.getByRole('region', { name: 'Tags' });
  const csv = tags.getByRole('link', { name: /^csv/ });
  const count = Number((await csv.locator('.chip__count').innerText()).trim());
  expect(count).toBeGreaterThan(0);
  await csv.click();
  await expect(page).toHaveURL('/marketplace?tags=csv');
  await expect(page.locator('.listing-grid__item')).toHaveCount(count);
  await page.getByRole('region', { name: 'Tools' }).getByRole('link', { name: /^Calculator/ }).click();
  await expect(page).toHaveURL('/marketplace?tags=csv&tools=calculator');
  await page.getByRole('region', { name: 'Tags' }).getByRole('link', { name: /^csv/ }).click();
  await expect(page).toHaveURL('/marketplace?tools=calculator');
  await page.goBack();
  await expect(page).toHaveURL('/marketplace?tags=csv&tools=calculator');
  await page.getByRole('link', { name: 'Clear all filters' }).first().click();
  await expect(page).toHaveURL('/marketplace');
});

test('a misspelt word finds its listing and is marked', async ({ page }) => {
  await visit(page, '/marketplace?q=invoise');
  const card = page.locator('.listing-card').filter({ hasText: 'Invoice reader' });
  await expect(card.locator('mark').first()).toHaveText('Invoice');
  await expect(page.locator('.marketplace__count')).toContainText('Showing results for “invoice”');
});

test('a tag of a listing leads to its like', async ({ page }) => {
  await visit(page, '/marketplace/expense-report');
  await page.getByRole('list', { name: 'Tags' }).getByRole('link', { name: 'csv' }).click();
  await expect(page).toHaveURL('/marketplace?tags=csv');
  await expect(page.getByRole('link', { name: 'Sales table analyst' })).toBeVisible();
});

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });

  test('filters are links, and the search keeps them', async ({ page }) => {
    await page.goto('/marketplace?tags=csv');
    await page.getByRole('searchbox', { name: 'Search' }).fill('sales');
    await page.getByRole('button', { name: 'Search' }).click();
    await expect(page).toHaveURL(/q=sales/);
    await expect(page).toHaveURL(/tags=csv/);
    await expect(page.getByRole('link', { name: 'Sales table analyst' })).toBeVisible();
  });
});
