// The main job without a mouse: every control can be reached and seen to have the focus.

import type { Page } from '@playwright/test';
import { expect, test, visit } from '../fixtures/test.ts';
import { SessionPage } from '../pages/session.ts';

/** Presses Tab until the wanted control has the focus; says what it passed when it never comes. */
async function tabTo(page: Page, wanted: string) {
  const passed: string[] = [];
  for (let presses = 0; presses < 80; presses++) {
    await page.keyboard.press('Tab');
    if (await page.locator(wanted).and(page.locator(':focus')).count()) return;
    passed.push(await page.evaluate(() => document.activeElement?.outerHTML.slice(0, 80) ?? ''));
  }
  throw new Error(`no Tab leads to ${wanted}; it led to\n${passed.join('\n')}`);
}

test('the first Tab offers to skip to the content', async ({ page }) => {
  await visit(page, '/');
  await page.keyboard.press('Tab');
  const skip = page.getByRole('link', { name: 'Skip to the content' });
  await expect(skip).toBeFocused();
  await expect(skip).toBeInViewport();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  expect(await page.evaluate(() => document.activeElement?.closest('main') !== null)).toBe(true);
});

test('a goal is run by keyboard alone', async ({ page }) => {
  await visit(page, '/');
  await tabTo(page, 'textarea[name="goal"]');
  await page.keyboard.type('What is 30% of 70?');
  await tabTo(page, 'input[type="radio"]');
  const radios = page.getByRole('radio');
  const count = await radios.count();
  for (let presses = 0; presses < count; presses++) {
    if (await page.getByRole('radio', { name: 'Everyday calculator' }).isChecked()) break;
    await page.keyboard.press('ArrowRight');
  }
  await expect(page.getByRole('radio', { name: 'Everyday calculator' })).toBeChecked();
  await tabTo(page, 'main button[type="submit"]');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/sessions\//);
  const session = new SessionPage(page);
  await session.expectCompleted();
  await expect(session.output.last()).toContainText('21');
});

test('every focus is visible', async ({ page }) => {
  for (const path of ['/', '/marketplace', '/sign-in']) {
    await visit(page, path);
    for (let presses = 0; presses < 15; presses++) {
      await page.keyboard.press('Tab');
      const seen = await page.evaluate(() => {
        const focused = document.activeElement;
        if (!(focused instanceof HTMLElement) || focused === document.body) return 'nothing';
        // A hidden control shows its focus on its label.
        for (const element of [focused, focused.closest('label')]) {
          if (!element) continue;
          const style = getComputedStyle(element);
          if (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) return 'seen';
          if (style.boxShadow !== 'none') return 'seen';
        }
        return focused.outerHTML.slice(0, 120);
      });
      expect(['seen', 'nothing'], `${path}: ${seen}`).toContain(seen);
    }
  }
});

test('a new page gets the focus and is announced', async ({ page }) => {
  await visit(page, '/');
  await page.getByRole('navigation', { name: 'Main', exact: true }).getByRole('link', { name: 'Marketplace' }).focus();
  await page.keyboard.press('Enter');
  await expect(page).toHaveTitle(/Marketplace/);
  await expect(page.locator('main')).toBeFocused();
});
