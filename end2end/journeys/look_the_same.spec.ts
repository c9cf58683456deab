// What people see first of each part, at the widths of a phone, a tablet and a desk, against pictures
// that somebody has looked at (snapshots/). Meant to look otherwise from now on?
// `./dev test browser look_the_same --update-snapshots`, and look at them.

import type { Page } from '@playwright/test';
import { expect, test, visit } from '../fixtures/seeded.ts';
import { type PageEntry, pages, type Seed, type Who } from '../pages/all.ts';

const WIDTHS = [360, 768, 1440];

interface Shown {
  name: string;
  as?: Who;
  path?: (seed: Seed) => string;
}

const SHOWN: Shown[] = [
  // As strangers see it, so that it does not matter who was there before. By name: what was installed of late
  // is counted every five minutes.
  { name: 'landing', as: 'stranger' },
  { name: 'marketplace', as: 'stranger', path: () => '/marketplace?sort=name' },
  { name: 'listing', as: 'stranger' },
  { name: 'collection', as: 'stranger' },
  { name: 'publisher', as: 'stranger' },
  { name: 'sign-in', as: 'stranger' },
  { name: 'shared-session', as: 'stranger' },
  { name: 'sign-up', as: 'stranger' },
  ...['studio', 'new-agent', 'import', 'editor', 'versions', 'publish', 'preview', 'update', 'bench', 'test-set', 'tools', 'tool', 'knowledge', 'document'].map(
    (name) => ({ name }),
  ),
  ...['history', 'session', 'step-input', 'compare', 'replay', 'automations', 'webhook', 'account', 'secrets', 'teams', 'team', 'case', 'admin'].map(
    (name) => ({ name }),
  ),
];

const entryOf = (name: string): PageEntry => pages.find((one) => one.name === name)!;

/** Texts that are others each time: instants, days, lengths of time, ids. */
const PASSING =
  /\d{1,2} [A-Z][a-z]{2,8} \d{4}(,? (at )?\d{2}:\d{2}( UTC)?)?|\d[\d.,]* (ms|s|min|h)\b( \d+ (s|min))?|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}/;

/** Parts whose every text is another one each time, or is counted by a job that comes when it comes. */
const COUNTED = 'time, .duration, .replay__clock, .marketplace > .listing__figures span, .admin-group dd';

/** Parts that have other sizes each time. */
const GONE = 'h2:has(+ .admin-charts), .admin-charts, .admin-charts ~ *, .admin-refresh';

/** What is drawn by lot: as large as ever, and another thing each time. */
const drawn = (page: Page) => page.locator('#handle, [data-volatile]');

/** Puts the same in the place of all that is another thing each time, so that nothing has another size. */
async function settle(page: Page) {
  await page.evaluate(
    async ([passing, counted, gone]) => {
      await new Promise((after) => requestAnimationFrame(() => requestAnimationFrame(after)));
      const pattern = new RegExp(passing, 'g');
      const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      while (texts.nextNode()) {
        const text = texts.currentNode as Text;
        const next = text.parentElement!.closest(counted) ? '0' : text.data.replace(pattern, '0');
        if (text.data.trim() && text.data !== next) text.data = next;
      }
      // Two lengths of time may be the same by chance, which is not marked.
      document.querySelector('.comparison__table tr:nth-child(4)')?.classList.add('is-different');
      const style = new CSSStyleSheet();
      style.replaceSync(`${gone} { display: none !important; }`);
      document.adoptedStyleSheets.push(style);
    },
    [PASSING.source, COUNTED, GONE] as const,
  );
}

async function look(page: Page, name: string) {
  await page.evaluate(() => document.fonts.ready);
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: width === 360 ? 740 : 900 });
    await settle(page);
    await expect(page).toHaveScreenshot(`${name}-${width}.png`, { mask: [drawn(page)], maskColor: '#808080' });
  }
}

for (const { name, as, path } of SHOWN) {
  test(`${name} looks as it did`, async ({ page, seed, be }) => {
    const entry = entryOf(name);
    await be(as ?? entry.as);
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
    await expect(async () => {
      await visit(page, (path ?? entry.path)(seed));
      // What was measured of the sessions is written every ten seconds, and has a part of its own then.
      if (name === 'admin') await expect(page.getByRole('heading', { name: 'Sessions by how they ended' })).toBeVisible({ timeout: 500 });
    }).toPass({ timeout: 30_000 });
    // By a script, so that nothing is scrolled to, nor under the pointer.
    if (name === 'admin') await page.getByRole('button', { name: 'Stop refreshing' }).evaluate((button: HTMLElement) => button.click());
    await look(page, name);
  });
}

test('the marketplace looks as it did in the dark', async ({ page, seed, be }) => {
  await be('stranger');
  await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' });
  await visit(page, entryOf('marketplace').path(seed) + '?sort=name');
  await look(page, 'marketplace-dark');
});
