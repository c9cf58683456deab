// Every page: no axe violation in light, in the dark and at 360 px, where nothing scrolls sideways; one
// heading, a title and a description of its own. speak_german.spec.ts opens each at 360 px.

import { expectAccessible, expectNoSidewaysScroll } from '../fixtures/a11y.ts';
import { expect, test, visit } from '../fixtures/seeded.ts';
import { missing, pages } from '../pages/all.ts';

for (const entry of [...pages, missing]) {
  test(`${entry.name} is accessible in light, in the dark and at 360 px`, async ({ page, seed, browserConsole }) => {
    if (entry === missing) browserConsole.allow(/404/);
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
    await visit(page, entry.path(seed));
    await expect(page).toHaveTitle(entry.title);
    await expect(page.getByRole('heading', { level: 1 })).toHaveCount(1);
    await expect(page.locator('head meta[name="description"]')).toHaveCount(entry === missing ? 0 : 1);
    await expectAccessible(page, 'in light');
    await page.emulateMedia({ colorScheme: 'dark' });
    await expectAccessible(page, 'in the dark');
    await page.setViewportSize({ width: 360, height: 740 });
    await expectNoSidewaysScroll(page);
    await expectAccessible(page, 'at 360 px');
  });
}
