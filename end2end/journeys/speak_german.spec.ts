// A second language: chosen by the browser's settings or by hand, and spoken on every page.

import type { Page } from '@playwright/test';
import { expectAccessible, expectNoSidewaysScroll } from '../fixtures/a11y.ts';
import { beGuest } from '../fixtures/seed.ts';
import { expect, test, visit } from '../fixtures/seeded.ts';
import { missing, pages, states } from '../pages/all.ts';

/** Texts that stand on the page in English although there is a word for them. */
const leftOvers = (page: Page) =>
  page.evaluate(() => {
    const words = (globalThis as unknown as { resonantWords: Record<string, string> }).resonantWords;
    const isLeft = (text: string | null) => {
      const known = text && (words[text] ?? words[text.trim()]);
      return Boolean(known && known.trim() !== text!.trim());
    };
    const found: string[] = [];
    const nodes = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (nodes.nextNode()) {
      const within = nodes.currentNode.parentElement!.closest('script, style, pre, code, noscript, :has(> mark)');
      if (!within && isLeft(nodes.currentNode.textContent)) found.push(nodes.currentNode.textContent!);
    }
    for (const name of ['title', 'aria-label', 'placeholder', 'alt']) {
      for (const element of document.querySelectorAll(`body [${name}]`)) {
        if (isLeft(element.getAttribute(name))) found.push(`${name}: ${element.getAttribute(name)}`);
      }
    }
    return found;
  });

test.describe('with a German browser', () => {
  test.use({ locale: 'de-DE' });

  for (const entry of [...pages, ...states, missing]) {
    test(`${entry.name} speaks German and fits into 360 px`, async ({ page, seed, be, browserConsole }) => {
      if (entry === missing) browserConsole.allow(/404/);
      await be(entry.as);
      await page.setViewportSize({ width: 360, height: 740 });
      await visit(page, entry.path(seed));
      await expect(page.locator('html')).toHaveAttribute('lang', 'de');
      expect(await leftOvers(page)).toEqual([]);
      await expectNoSidewaysScroll(page);
      await expectAccessible(page);
    });
  }

  test('the app goes on in German', async ({ page }) => {
    await visit(page, '/');
    await page.getByRole('navigation', { name: 'Hauptnavigation', exact: true }).getByRole('link', { name: 'Marktplatz' }).click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Marktplatz');
    await expect(page).toHaveTitle(/Marktplatz/);
    expect(await leftOvers(page)).toEqual([]);
  });

  test('how a prompt is counted is told in German', async ({ page }) => {
    const id = await beGuest(page);
    await visit(page, `/studio/agents/${id}`);
    await expect(page.getByText('gezählt mit einer Schätzung, die eher zu hoch ist')).toBeVisible();
  });
});

test('a choice is kept, and stands above what the browser asks for', async ({ page }) => {
  await visit(page, '/sign-in');
  await expect(page.locator('html')).toHaveAttribute('lang', 'en');
  const scripts: string[] = [];
  page.on('request', (request) => scripts.push(new URL(request.url()).pathname));
  await page.getByLabel('Language').selectOption('Deutsch');
  await expect(page.locator('html')).toHaveAttribute('lang', 'de');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Anmelden');
  expect(scripts).toContain('/languages/de.js');
  await page.reload();
  await expect(page.locator('html')).toHaveAttribute('lang', 'de');
  scripts.length = 0;
  await page.getByLabel('Sprache').selectOption('English');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Sign in');
  expect(scripts.filter((path) => path.startsWith('/languages/')), 'English needs no words').toEqual([]);
});

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });

  test('the language is chosen by a plain form', async ({ page }) => {
    await page.goto('/marketplace?category=writing');
    await page.getByLabel('Language').selectOption('Deutsch');
    await page.getByRole('button', { name: 'Change the language' }).click();
    await expect(page).toHaveURL('/marketplace?category=writing');
    await expect(page.locator('html')).toHaveAttribute('lang', 'de');
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Marktplatz');
  });
});
