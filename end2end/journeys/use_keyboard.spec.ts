// The main job without a mouse: every control can be reached and seen to have the focus. Keys that stand alone
// can be switched off, and what passes by itself waits for who is at it.

import type { Locator, Page } from '@playwright/test';
import { join } from '../fixtures/people.ts';
import { beGuest, makeAgent } from '../fixtures/seed.ts';
import { anotherBrowser, expect, test, visit } from '../fixtures/test.ts';
import { button, grid, pick, row } from '../pages/agent_list.ts';
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

test('what is on its way is not sent again, and its button keeps the focus', async ({ page }) => {
  await beGuest(page);
  await visit(page, '/account');
  let release = () => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  let sent = 0;
  await page.route('**/api/fn/account/update_profile', async (route) => {
    sent += 1;
    await gate;
    await route.continue();
  });
  await page.getByRole('textbox', { name: 'What we call you' }).fill('Ada');
  const save = page.getByRole('button', { name: 'Save name' });
  await save.press('Enter');
  await expect(save).toHaveAttribute('aria-busy', 'true');
  await expect(save).toBeFocused();
  await page.keyboard.press('Enter');
  await page.getByRole('textbox', { name: 'What we call you' }).press('Enter');
  release();
  await expect(page.getByRole('status').getByText('Saved', { exact: true })).toBeVisible();
  expect(sent).toBe(1);
});

test('a link keeps the focus while all that is around it is drawn anew', async ({ page }) => {
  const id = await beGuest(page);
  await visit(page, `/studio/agents/${id}/bench`);
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  await page.route('**/api/fn/studio/set_test_policy', async (route) => {
    await held;
    await route.continue();
  });
  const back = page.getByRole('link', { name: 'Back to the editor' });
  await button(page, 'Require them to pass').click();
  await back.focus();
  release();
  await expect(button(page, 'Publish without tests')).toBeVisible();
  await expect(back).toBeFocused();
});

test('the focus goes to the page where what had it is gone', async ({ page }) => {
  const id = await beGuest(page, 'Phoenix');
  await page.request.delete(`/api/v1/agents/${id}`);
  await visit(page, '/studio/trash');
  await page.getByRole('button', { name: 'Restore Phoenix' }).press('Enter');
  await expect(page.getByText('The trash is empty')).toBeVisible();
  await expect(page.locator('main')).toBeFocused();
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

test('the palette leads anywhere, and the sheet of shortcuts can be silenced', async ({ page }) => {
  await beGuest(page);
  await visit(page, '/studio');
  const silence = page.getByRole('checkbox', { name: /alone opens this sheet/ });
  const field = page.getByRole('combobox', { name: 'Go to' });
  await page.keyboard.press('?');
  await silence.uncheck();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await page.keyboard.press('?');
  await page.keyboard.press('Control+k');
  await expect(field).toBeFocused();
  await field.fill('zebra crossing');
  await expect(page.getByRole('dialog').getByRole('status')).toHaveText('Nothing is called that');
  await field.fill('shortcuts');
  await page.keyboard.press('Enter');
  await expect(silence).not.toBeChecked();
  await page.keyboard.press('Control+k');
  await field.fill('usage');
  await page.keyboard.press('Enter');
  await page.waitForURL('/account/usage');
});

test('what had the focus before the palette has it again', async ({ page }) => {
  await visit(page, '/marketplace');
  const before = page.getByRole('navigation', { name: 'Main', exact: true }).getByRole('link', { name: 'Studio' });
  await before.focus();
  await page.keyboard.press('?');
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect(before).toBeFocused();
});

test('what a browser fills in by itself is no key', async ({ page }) => {
  await visit(page, '/sign-in');
  // Chromium tells of it by an event that knows of no key.
  await page.getByLabel('Password').evaluate((field) => field.dispatchEvent(new Event('keydown', { bubbles: true })));
  await page.keyboard.press('Control+k');
  await expect(page.getByRole('combobox', { name: 'Go to' })).toBeFocused();
});

test('nor is it one in a list', async ({ page }) => {
  await beGuest(page, 'Filled');
  await visit(page, '/studio');
  await expect(grid(page)).toHaveClass(/is-live/);
  await grid(page).evaluate((grid) => grid.dispatchEvent(new Event('keydown', { bubbles: true })));
  await grid(page).focus();
  await page.keyboard.press('ArrowDown');
  // The one that is selected is renamed, and no other.
  await page.keyboard.press(' ');
  await page.keyboard.press('F2');
  await expect(page.getByRole('textbox', { name: 'New name' })).toBeFocused();
});

test('what stands in a row is reached by arrows, and Enter does what it says', async ({ page }) => {
  const paused = await beGuest(page, 'One');
  for (const name of ['Two', 'Three']) await makeAgent(page, { name });
  await page.request.patch(`/api/v1/agents/${paused}`, { data: { status: 'paused' } });
  await visit(page, '/studio?sort=name');
  const list = grid(page);
  await expect(list).toHaveClass(/is-live/);
  const link = (name: string, text: string) => row(page, name).getByRole('link', { name: text, exact: true });
  const press = async (key: string, focused: Locator) => {
    await page.keyboard.press(key);
    await expect(focused).toBeFocused();
  };
  await list.focus();
  await press('ArrowRight', pick(page, 'One'));
  await press('ArrowRight', link('One', 'One'));
  // What is paused has nothing to run.
  await press('ArrowRight', link('One', 'One'));
  await press('ArrowLeft', pick(page, 'One'));
  await press('Space', pick(page, 'One'));
  await expect(pick(page, 'One')).toBeChecked();
  await press('ArrowLeft', list);
  await press('ArrowLeft', list);

  // Another row is gone to as a whole.
  await press('ArrowRight', pick(page, 'One'));
  await press('ArrowDown', list);
  await expect(list).toHaveAttribute('aria-activedescendant', 'agents-1');
  await press('ArrowRight', pick(page, 'Three'));
  await press('ArrowRight', link('Three', 'Three'));
  await press('ArrowRight', link('Three', 'Run Three'));
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/studio\/agents\/[^/]+#run$/);
});

test('a menu folds up at Escape and for who goes on', async ({ page }) => {
  await beGuest(page);
  await visit(page, '/marketplace');
  const menu = page.locator('.account-menu details');
  const button = menu.locator('summary');
  await button.focus();
  await page.keyboard.press('Enter');
  await expect(menu).toHaveAttribute('open');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Escape');
  await expect(menu).not.toHaveAttribute('open');
  await expect(button).toBeFocused();

  // What has the focus then would be behind the sheet.
  await page.keyboard.press('Enter');
  await expect(menu).toHaveAttribute('open');
  await page.keyboard.press('Shift+Tab');
  await expect(menu).not.toHaveAttribute('open');

  await button.click();
  await expect(menu).toHaveAttribute('open');
  await menu.getByText('Guest in this browser').click();
  await expect(menu).toHaveAttribute('open');
  await page.getByRole('heading', { level: 1 }).click();
  await expect(menu).not.toHaveAttribute('open');
});

test('what is chosen is seen where the system sets the colours', async ({ page }) => {
  await beGuest(page, 'Chosen');
  await page.emulateMedia({ forcedColors: 'active' });
  await visit(page, '/studio');
  const outline = (of: Locator) => of.evaluate((element) => getComputedStyle(element).outlineStyle);
  const places = page.getByRole('navigation', { name: 'Main', exact: true });
  expect(await outline(places.getByRole('link', { name: 'Studio' }))).toBe('solid');
  expect(await outline(places.getByRole('link', { name: 'Sessions' }))).toBe('none');
  await expect(grid(page)).toHaveClass(/is-live/);
  await grid(page).focus();
  await page.keyboard.press('ArrowDown');
  expect(await outline(row(page, 'Chosen'))).toBe('solid');
  await page.keyboard.press('Control+k');
  const chosen = page.getByRole('dialog').getByRole('option', { selected: true });
  expect(await outline(chosen)).toBe('solid');
});

test('an answer of the palette that was overtaken is not shown', async ({ page }) => {
  await beGuest(page, 'Alpha');
  await makeAgent(page, { name: 'Beta' });
  await visit(page, '/account');
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  await page.route('**/api/fn/studio/search_agents', async (route) => {
    if (route.request().postData()?.includes('Alpha')) await held;
    await route.continue();
  });
  await page.keyboard.press('Control+k');
  const field = page.getByRole('combobox', { name: 'Go to' });
  const first = page.waitForRequest((request) => request.postData()?.includes('Alpha') ?? false);
  await field.fill('Alpha');
  await first;
  await field.fill('Beta');
  const options = page.getByRole('dialog').getByRole('option');
  await expect(options).toHaveText([/Beta/]);
  const late = page.waitForResponse((answer) => answer.request().postData()?.includes('Alpha') ?? false);
  release();
  await (await late).finished();
  await expect(options).toHaveText([/Beta/]);
});

test('the palette finds what a team shares, and does what needs no page', async ({ page, browser, browserConsole }) => {
  const ada = await anotherBrowser(browser, browserConsole);
  await join(ada, 'Ada');
  const { email } = await join(page, 'Bob');
  const agent = await makeAgent(ada, { name: 'Shared reckoner' });
  const slug = `keys-${Date.now().toString(36)}`;
  const made = await ada.request.post('/api/v1/teams', { data: { name: 'Keys', slug } });
  expect(made.status(), await made.text()).toBe(201);
  const shared = await ada.request.put(`/api/v1/teams/${slug}/agents/${agent}`);
  expect(shared.ok(), await shared.text()).toBe(true);
  const invited = await ada.request.post(`/api/v1/teams/${slug}/invitations`, { data: { role: 'viewer', email } });
  expect(invited.status(), await invited.text()).toBe(201);
  const taken = await page.request.post('/api/v1/team-invitations/accept', { data: { team: slug } });
  expect(taken.status(), await taken.text()).toBe(200);
  await ada.context().close();

  await page.emulateMedia({ colorScheme: 'light' });
  await visit(page, '/marketplace');
  const field = page.getByRole('combobox', { name: 'Go to' });
  const options = page.getByRole('dialog').getByRole('option');
  await page.keyboard.press('Control+k');
  await field.fill('dark');
  await expect(options).toHaveText([/Switch between light and dark/]);
  await page.keyboard.press('Enter');
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  await expect(page.getByRole('dialog')).toHaveCount(0);

  await page.keyboard.press('Control+k');
  await field.fill('shared reck');
  await expect(options).toHaveText([/Shared reckoner\s*Shared with me/]);
  await page.keyboard.press('Enter');
  await page.waitForURL(`/studio/agents/${agent}`);

  await visit(page, '/marketplace');
  await page.keyboard.press('Control+k');
  await field.fill('sign out');
  await expect(options).toHaveText([/Sign out/]);
  await page.keyboard.press('Enter');
  await page.waitForURL('/');
  await expect(page.locator('.account-menu').getByRole('link', { name: 'Sign in' })).toBeVisible();
});

test('a note with a way back stays for who is at it, and is reached by a key', async ({ page }) => {
  const id = await beGuest(page, 'Phoenix');
  await page.clock.install();
  await visit(page, `/studio/agents/${id}`);
  await page.getByRole('button', { name: 'Delete agent' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Move to the trash' }).click();
  await page.waitForURL('/studio');
  const undo = page.locator('.toast').getByRole('button', { name: 'Undo' });
  await expect(undo).toBeVisible();
  // The page that opens takes the focus once it is there.
  await expect(async () => {
    await page.keyboard.press('F8');
    await page.keyboard.press('Tab');
    await expect(undo).toBeFocused({ timeout: 1_000 });
  }).toPass();
  await page.clock.fastForward(120_000);
  await expect(undo).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(undo).toHaveCount(0);
  await page.waitForURL(`/studio/agents/${id}`);
});

test('a note stays for who points at it, though another one was dismissed there', async ({ page, context }) => {
  await page.clock.install();
  await beGuest(page, 'Tester');
  await visit(page, '/studio');
  const notes = page.locator('.toast');
  await pick(page, 'Tester').check();
  await button(page, 'Pause').click();
  await expect(notes).toHaveCount(1);
  await context.setOffline(true);
  await expect(page.getByText('You are offline.')).toBeVisible();
  await context.setOffline(false);
  await expect(notes).toHaveCount(2);
  await notes.last().getByRole('button', { name: 'Dismiss' }).click();
  await expect(notes).toHaveCount(1);
  await page.clock.fastForward(120_000);
  await expect(notes).toHaveCount(1);
});

test('the bar below hides no field that has the focus', async ({ page }) => {
  const id = await beGuest(page, 'Tall');
  await page.setViewportSize({ width: 1000, height: 500 });
  await visit(page, `/studio/agents/${id}`);
  const bar = page.locator('.agent-form__end--sticky');
  for (let presses = 0; presses < 40; presses++) {
    await page.keyboard.press('Tab');
    const hidden = await bar.evaluate((bar) => {
      const focused = document.activeElement;
      if (!focused || bar.contains(focused) || !focused.closest('.agent-form form')) return '';
      const [field, edge] = [focused.getBoundingClientRect(), bar.getBoundingClientRect()];
      // Seen in part is enough (WCAG 2.2, 2.4.11); what is covered altogether is not.
      return field.top >= edge.top && field.bottom <= edge.bottom ? focused.outerHTML.slice(0, 120) : '';
    });
    expect(hidden).toBe('');
  }
});
