// Every page there is: accessibility, small screens, lazy chunks, titles and screenshots follow from
// this list.

import { type Page } from '@playwright/test';
import { beGuest, startSession, untilEnded } from '../fixtures/seed.ts';

export interface Seed {
  agentId: string;
  sessionId: string;
  webhookId: string;
  slug: string;
}

export interface PageEntry {
  name: string;
  path: (seed: Seed) => string;
  /** How the chunk of the page's feature is called; the landing page is in the main bundle. */
  chunk?: RegExp;
  title: RegExp;
}

export const pages: PageEntry[] = [
  { name: 'landing', path: () => '/', title: /Resonant/ },
  { name: 'marketplace', path: () => '/marketplace', chunk: /split_marketplace/, title: /Marketplace/ },
  { name: 'listing', path: ({ slug }) => `/marketplace/${slug}`, chunk: /split_listing/, title: /\S+ · Resonant/ },
  { name: 'narrowed', path: () => '/marketplace?q=table&tags=csv&verified=yes', chunk: /split_marketplace/, title: /Marketplace/ },
  { name: 'studio', path: () => '/studio', chunk: /split_studio/, title: /Studio|agents/i },
  { name: 'new-agent', path: () => '/studio/new', chunk: /split_studio/, title: /New agent/i },
  { name: 'editor', path: ({ agentId }) => `/studio/agents/${agentId}`, chunk: /split_editor/, title: /Tester/ },
  { name: 'versions', path: ({ agentId }) => `/studio/agents/${agentId}/versions`, chunk: /split_editor/, title: /Versions/i },
  { name: 'publish', path: ({ agentId }) => `/studio/agents/${agentId}/publish`, chunk: /split_editor/, title: /Publish/i },
  { name: 'update', path: ({ agentId }) => `/studio/agents/${agentId}/update`, chunk: /split_editor/, title: /Update/i },
  { name: 'numbers', path: ({ agentId }) => `/studio/agents/${agentId}/numbers`, chunk: /split_editor/, title: /Numbers/i },
  { name: 'import', path: ({ agentId }) => `/studio/import?agent=${agentId}`, chunk: /split_studio/, title: /Import/i },
  { name: 'knowledge', path: ({ agentId }) => `/studio/agents/${agentId}/knowledge?query=leave`, chunk: /split_editor/, title: /Knowledge/i },
  { name: 'bench', path: ({ agentId }) => `/studio/agents/${agentId}/bench`, chunk: /split_editor/, title: /^Bench/i },
  { name: 'test-set', path: ({ agentId }) => `/studio/agents/${agentId}/bench/edit`, chunk: /split_editor/, title: /^Test set/i },
  { name: 'tools', path: ({ agentId }) => `/studio/agents/${agentId}/tools`, chunk: /split_editor/, title: /^Tools/i },
  { name: 'tool', path: ({ agentId }) => `/studio/agents/${agentId}/tools/edit`, chunk: /split_editor/, title: /^Tool /i },
  { name: 'import-tools', path: ({ agentId }) => `/studio/agents/${agentId}/tools/import`, chunk: /split_editor/, title: /Tools from elsewhere/i },
  { name: 'shared-agents', path: () => '/studio/shared', chunk: /split_teams/, title: /Shared with me/i },
  { name: 'trash', path: () => '/studio/trash', chunk: /split_studio/, title: /Trash/i },
  { name: 'replay', path: ({ sessionId }) => `/sessions/${sessionId}/replay`, chunk: /split_sessions/, title: /Replay/i },
  { name: 'compare', path: ({ sessionId }) => `/sessions/compare?left=${sessionId}&right=${sessionId}`, chunk: /split_sessions/, title: /Compare/i },
  { name: 'automations', path: () => '/studio/automations', chunk: /split_studio/, title: /Automations/i },
  { name: 'webhook', path: ({ webhookId }) => `/studio/automations/webhooks/${webhookId}`, chunk: /split_studio/, title: /Messages of a webhook/i },
  { name: 'history', path: () => '/sessions', chunk: /split_sessions/, title: /Sessions|History/i },
  { name: 'session', path: ({ sessionId }) => `/sessions/${sessionId}`, chunk: /split_sessions/, title: /\S+ · Resonant/ },
  { name: 'account', path: () => '/account', chunk: /split_account/, title: /Account/i },
  { name: 'secrets', path: () => '/account/secrets', chunk: /split_account/, title: /secrets/i },
  { name: 'security', path: () => '/account/security', chunk: /split_account/, title: /Security/i },
  { name: 'notices', path: () => '/account/notices', chunk: /split_account/, title: /Notices/i },
  { name: 'audit-log', path: () => '/account/audit', chunk: /split_teams/, title: /Audit log/i },
  { name: 'purchases', path: () => '/account/purchases', chunk: /split_account/, title: /Purchases/i },
  { name: 'following', path: () => '/account/following', chunk: /split_account/, title: /Following/i },
  { name: 'teams', path: () => '/account/teams', chunk: /split_teams/, title: /Teams/i },
  { name: 'keys', path: () => '/account/keys', chunk: /split_account/, title: /API keys/i },
  { name: 'sign-in', path: () => '/sign-in', chunk: /split_account/, title: /Sign in/i },
  { name: 'sign-up', path: () => '/sign-up', chunk: /split_account/, title: /Sign up|Create/i },
];

export const missing: PageEntry = { name: 'missing', path: () => '/no-such-page', title: /not found/i };

/** A guest with an agent and a session that has ended. */
export async function makeSeed(page: Page): Promise<Seed> {
  const agentId = await beGuest(page);
  const tools = ['calculator', 'datetime', 'summarise', 'extract'].map((name) => ({ name }));
  await page.request.patch(`/api/v1/agents/${agentId}`, { data: { tools, description: 'Works things out and reads what it is given' } });
  // Nobody answers there, and Resonant does not ask there either.
  const webhook = await page.request.post('/api/v1/webhooks', { data: { url: 'http://127.0.0.1:9/hook' } });
  const { id: webhookId } = (await webhook.json()) as { id: string };
  const sessionId = await startSession(
    page,
    agentId,
    'What is 15% of 80, and how many days are there from 2026-01-01 to 2026-03-01?',
  );
  await untilEnded(page, sessionId);
  const { listings } = (await (await page.request.get('/api/v1/listings')).json()) as { listings: { slug: string }[] };
  return { agentId, sessionId, webhookId, slug: listings[0]!.slug };
}
