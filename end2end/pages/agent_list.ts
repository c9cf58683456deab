// The list of the viewer's agents, by role and label.

import type { Page } from '@playwright/test';

export const grid = (page: Page) => page.getByRole('grid', { name: 'Your agents' });
export const row = (page: Page, name: string) => grid(page).getByRole('row').filter({ has: page.getByRole('link', { name, exact: true }) });
export const pick = (page: Page, name: string) => page.getByRole('checkbox', { name: `Select ${name}` });
export const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });

/** What the list is told by; wait for it before something happens elsewhere. */
export const stream = (page: Page) => page.waitForResponse((answer) => answer.url().endsWith('/api/v1/agents/stream'));
