// Every page: no axe violation in light and dark, nothing to scroll sideways at 360 px, one heading,
// a title and a description of its own.

import { expectAccessible, expectNoSidewaysScroll } from '../fixtures/a11y.ts';
import { expect, test, visit } from '../fixtures/seeded.ts';
import { missing, pages } from '../pages/all.ts';

for (const entry of [...pages, missing]) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`${entry.name} is accessible in ${colorScheme}`, async ({ page, seed, browserConsole }) => {
      if (entry === missing) browserConsole.allow(/404/);
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await visit(page, entry.path(seed));
      await expect(page).toHaveTitle(entry.title);
      await expectAccessible(page);
    });
  }

  test(`${entry.name} fits into 360 px`, async ({ page, seed, browserConsole }) => {
    if (entry === missing) browserConsole.allow(/404/);
    await page.setViewportSize({ width: 360, height: 740 });
    await visit(page, entry.path(seed));
    await expectNoSidewaysScroll(page);
    await expect(page.getByRole('heading', { level: 1 })).toHaveCount(1);
    await expect(page.locator('head meta[name="description"]')).toHaveCount(entry === missing ? 0 : 1);
    await expectAccessible(page);
  });
}
