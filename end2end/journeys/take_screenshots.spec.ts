// Every page, light and dark, narrow and wide: `./dev screenshots`. As WebP, which Playwright does not write:
// they are for people to look at, snapshots/ is what is compared.

import { writeFileSync } from 'node:fs';
import { test, visit } from '../fixtures/seeded.ts';
import { untilLive } from '../fixtures/test.ts';
import { missing, pages, states } from '../pages/all.ts';

const folder = process.env.RESONANT_SCREENSHOTS ?? 'screenshots';

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [360, 1440]) {
    test(`${colorScheme} at ${width}`, async ({ page, seed, be, browserConsole }) => {
      test.setTimeout(300_000);
      browserConsole.allow(/404/);
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.setViewportSize({ width, height: width === 360 ? 740 : 900 });
      const browser = await page.context().newCDPSession(page);
      const shoot = async (name: string) => {
        // Never idle: some pages keep an event stream open.
        await untilLive(page);
        await page.evaluate(() => document.fonts.ready);
        const { cssContentSize } = await browser.send('Page.getLayoutMetrics');
        const clip = { ...cssContentSize, scale: 1 };
        const shot = await browser.send('Page.captureScreenshot', { format: 'webp', quality: 55, captureBeyondViewport: true, clip });
        writeFileSync(`${folder}/${name}-${colorScheme}-${width}.webp`, Buffer.from(shot.data, 'base64'));
      };
      // Pages of nobody in particular first: they look different to a stranger.
      await be('stranger');
      for (const path of ['studio', 'sessions', 'account'] as const) {
        await visit(page, `/${path}`);
        await shoot(`${path}-empty`);
      }
      for (const entry of [...pages, ...states, missing]) {
        await be(entry.as);
        await visit(page, entry.path(seed));
        await shoot(entry.name);
      }
      await be('guest');
      await visit(page, '/marketplace?q=zzzqqq');
      await shoot('marketplace-nothing');
      await visit(page, '/studio/new');
      await page.locator('main form').first().getByRole('button').last().click();
      await shoot('new-agent-faults');
    });
  }
}
