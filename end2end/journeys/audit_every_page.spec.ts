// Every page: no axe violation in light, in the dark and at 360 px, where nothing scrolls sideways; one
// heading, a title and a description of its own. speak_german.spec.ts opens each at 360 px. And each has its
// screenshots.

import { readdirSync, readFileSync } from 'node:fs';
import { expectAccessible, expectNoSidewaysScroll } from '../fixtures/a11y.ts';
import { expect, test, visit } from '../fixtures/seeded.ts';
import { missing, pages, type Seed, states } from '../pages/all.ts';

for (const entry of [...pages, ...states, missing]) {
  test(`${entry.name} is accessible in light, in the dark and at 360 px`, async ({ page, seed, be, browserConsole }) => {
    if (entry === missing) browserConsole.allow(/404/);
    await be(entry.as);
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
    // As narrow as a page may become whose letters are made four times as large.
    await page.setViewportSize({ width: 320, height: 640 });
    await expectNoSidewaysScroll(page);
  });
}

/** The route that answers at a path: of those that fit, the one with the fewest parts that may be anything. */
function routeOf(path: string, routes: string[]): string | undefined {
  const parts = new URL(path, 'http://here').pathname.split('/');
  const fits = (route: string) => {
    const wanted = route.split('/');
    return wanted.length === parts.length && wanted.every((part, at) => part.startsWith(':') || part === parts[at]);
  };
  const open = (route: string) => route.split('/').filter((part) => part.startsWith(':')).length;
  return routes.filter(fits).sort((one, other) => open(one) - open(other))[0];
}

test('every route of the app has a page in the list, and every page a route', () => {
  const app = readFileSync(new URL('../../app/src/app.rs', import.meta.url), 'utf8');
  const routes = [...app.matchAll(/path=path!\("([^"]+)"\)/g)].map(([, path]) => path!);
  expect(routes.length).toBeGreaterThan(40);
  const anything = new Proxy({}, { get: () => 'anything' }) as Seed;
  const shown = [...pages, ...states].map((entry) => ({ name: entry.name, route: routeOf(entry.path(anything), routes) }));
  expect(shown.filter(({ route }) => route === undefined), 'pages without a route').toEqual([]);
  expect(routes.filter((path) => !shown.some(({ route }) => route === path)), 'routes without a page').toEqual([]);
});

test('every page has its screenshots, light and dark, narrow and wide', () => {
  const taken = new Set(readdirSync(new URL('../screenshots/', import.meta.url)));
  const looks = ['light-360', 'light-1440', 'dark-360', 'dark-1440'];
  const wanted = [...pages, ...states, missing].flatMap(({ name }) => looks.map((look) => `${name}-${look}.webp`));
  expect(wanted.filter((file) => !taken.has(file)), 'screenshots that ./dev screenshots has yet to take').toEqual([]);
});
