// Every page there is: accessibility, small screens, lazy chunks, German, reading without scripts, titles and
// screenshots follow from this list. A test holds it against the routes of the app.

/** Whose browser shows a page. */
export type Who = 'stranger' | 'guest' | 'member' | 'publisher' | 'admin';

/** What the pages are about (fixtures/world.ts makes it). */
export interface Seed {
  /** The member's agent, with versions, documents, a test set, tools of its own and numbers. */
  agentId: string;
  sessionId: string;
  otherSessionId: string;
  setId: string;
  /** A document of that agent. */
  documentId: string;
  webhookId: string;
  /** A copy of a listing that the member changed; there is a newer version. */
  copyId: string;
  /** A listing with pictures, reviews, measured facts, two versions and a recorded session. */
  slug: string;
  /** The publisher's agent behind it, whose third version is about to be handed in. */
  publishedId: string;
  handle: string;
  collection: string;
  team: string;
  /** The token of a link into the team. */
  invitation: string;
  /** The token of the recorded session. */
  shared: string;
  /** A purchase of the admin's that is not paid yet. */
  checkoutId: string;
  /** A second version of another listing, which waits. */
  caseId: string;
  alertId: string;
  /** The guest's agent, which is nowhere else. */
  guestAgentId: string;
}

export interface PageEntry {
  name: string;
  path: (seed: Seed) => string;
  /** How the chunk of the page's feature is called; the landing page is in the main bundle. */
  chunk?: RegExp;
  title: RegExp;
  /** Whose it is; the member's unless something else is said. */
  as?: Who;
}

export const pages: PageEntry[] = [
  { name: 'landing', path: () => '/', title: /Resonant/ },
  { name: 'marketplace', path: () => '/marketplace', chunk: /split_marketplace/, title: /Marketplace/ },
  { name: 'listing', path: ({ slug }) => `/marketplace/${slug}`, chunk: /split_listing/, title: /\S+ · Resonant/ },
  { name: 'narrowed', path: () => '/marketplace?q=table&tags=csv&verified=yes', chunk: /split_marketplace/, title: /Marketplace/ },
  { name: 'collection', path: ({ collection }) => `/marketplace/collections/${collection}`, chunk: /split_marketplace/, title: /Sums and figures/ },
  { name: 'publisher', path: ({ handle }) => `/publishers/${handle}`, chunk: /split_marketplace/, title: /Pia/ },
  { name: 'studio', path: () => '/studio', chunk: /split_studio/, title: /Studio|agents/i },
  { name: 'new-agent', path: () => '/studio/new', chunk: /split_studio/, title: /New agent/i },
  { name: 'editor', path: ({ agentId }) => `/studio/agents/${agentId}`, chunk: /split_editor/, title: /Tester/ },
  { name: 'versions', path: ({ agentId }) => `/studio/agents/${agentId}/versions`, chunk: /split_editor/, title: /Versions/i },
  { name: 'publish', path: ({ publishedId }) => `/studio/agents/${publishedId}/publish`, chunk: /split_editor/, title: /Publish/i, as: 'publisher' },
  { name: 'preview', path: ({ publishedId }) => `/studio/agents/${publishedId}/publish/preview`, chunk: /split_listing/, title: /Preview of/i, as: 'publisher' },
  { name: 'update', path: ({ copyId }) => `/studio/agents/${copyId}/update`, chunk: /split_editor/, title: /Update/i },
  { name: 'numbers', path: ({ agentId }) => `/studio/agents/${agentId}/numbers`, chunk: /split_editor/, title: /Numbers/i },
  { name: 'import', path: ({ agentId }) => `/studio/import?agent=${agentId}`, chunk: /split_studio/, title: /Import/i },
  { name: 'knowledge', path: ({ agentId }) => `/studio/agents/${agentId}/knowledge?query=leave`, chunk: /split_editor/, title: /Knowledge/i },
  { name: 'document', path: ({ agentId, documentId }) => `/studio/agents/${agentId}/knowledge/${documentId}?passage=2`, chunk: /split_editor/, title: /Office rules/ },
  { name: 'bench', path: ({ agentId, setId }) => `/studio/agents/${agentId}/bench?set=${setId}`, chunk: /split_editor/, title: /^Bench/i },
  { name: 'test-set', path: ({ agentId, setId }) => `/studio/agents/${agentId}/bench/edit?set=${setId}`, chunk: /split_editor/, title: /^Test set/i },
  { name: 'tools', path: ({ agentId }) => `/studio/agents/${agentId}/tools`, chunk: /split_editor/, title: /^Tools/i },
  { name: 'tool', path: ({ agentId }) => `/studio/agents/${agentId}/tools/edit?tool=weather`, chunk: /split_editor/, title: /^Tool /i },
  { name: 'import-tools', path: ({ agentId }) => `/studio/agents/${agentId}/tools/import`, chunk: /split_editor/, title: /Tools from elsewhere/i },
  { name: 'shared-agents', path: () => '/studio/shared', chunk: /split_teams/, title: /Shared with me/i },
  { name: 'trash', path: () => '/studio/trash', chunk: /split_studio/, title: /Trash/i },
  { name: 'replay', path: ({ sessionId }) => `/sessions/${sessionId}/replay`, chunk: /split_sessions/, title: /Replay/i },
  { name: 'compare', path: ({ sessionId, otherSessionId }) => `/sessions/compare?left=${sessionId}&right=${otherSessionId}`, chunk: /split_sessions/, title: /Compare/i },
  { name: 'automations', path: () => '/studio/automations', chunk: /split_studio/, title: /Automations/i },
  { name: 'webhook', path: ({ webhookId }) => `/studio/automations/webhooks/${webhookId}`, chunk: /split_studio/, title: /Messages of a webhook/i },
  { name: 'history', path: () => '/sessions', chunk: /split_sessions/, title: /Sessions|History/i },
  { name: 'session', path: ({ sessionId }) => `/sessions/${sessionId}`, chunk: /split_sessions/, title: /\S+ · Resonant/ },
  { name: 'raw-session', path: ({ sessionId }) => `/sessions/${sessionId}?view=raw`, chunk: /split_sessions/, title: /\S+ · Resonant/ },
  { name: 'step-input', path: ({ sessionId }) => `/sessions/${sessionId}?input=1`, chunk: /split_sessions/, title: /\S+ · Resonant/ },
  { name: 'shared-session', path: ({ shared }) => `/shared/${shared}`, chunk: /split_sessions/, title: /\S+ · Resonant/, as: 'stranger' },
  { name: 'account', path: () => '/account', chunk: /split_account/, title: /Account/i },
  { name: 'usage', path: ({ agentId }) => `/account/usage?agent=${agentId}`, chunk: /split_account/, title: /Usage and budget/i },
  { name: 'secrets', path: () => '/account/secrets', chunk: /split_account/, title: /secrets/i },
  { name: 'security', path: () => '/account/security', chunk: /split_account/, title: /Security/i },
  { name: 'notices', path: () => '/account/notices', chunk: /split_account/, title: /Notices/i },
  { name: 'audit-log', path: () => '/account/audit', chunk: /split_teams/, title: /Audit log/i },
  { name: 'purchases', path: () => '/account/purchases', chunk: /split_account/, title: /Purchases/i },
  { name: 'checkout', path: ({ checkoutId }) => `/checkout/test/${checkoutId}`, chunk: /split_account/, title: /Test checkout/i, as: 'admin' },
  { name: 'following', path: () => '/account/following', chunk: /split_account/, title: /Following/i },
  { name: 'teams', path: () => '/account/teams', chunk: /split_teams/, title: /Teams/i },
  { name: 'team', path: ({ team }) => `/teams/${team}`, chunk: /split_teams/, title: /Reading room/ },
  { name: 'join-team', path: ({ invitation }) => `/teams/join?token=${invitation}`, chunk: /split_teams/, title: /Reading room/, as: 'admin' },
  { name: 'keys', path: () => '/account/keys', chunk: /split_account/, title: /API keys/i },
  { name: 'sign-in', path: () => '/sign-in', chunk: /split_account/, title: /Sign in/i, as: 'guest' },
  { name: 'sign-up', path: () => '/sign-up', chunk: /split_account/, title: /Sign up|Create/i, as: 'guest' },
  { name: 'forgot-password', path: () => '/forgot-password', chunk: /split_account/, title: /Forgotten password/, as: 'guest' },
  { name: 'reset-password', path: () => '/reset-password', chunk: /split_account/, title: /Set a new password/, as: 'guest' },
  { name: 'confirm-email', path: () => '/confirm-email', chunk: /split_account/, title: /Confirm your e-mail address/, as: 'guest' },
  { name: 'admin', path: () => '/admin', chunk: /split_admin/, title: /Administration/, as: 'admin' },
  { name: 'service-levels', path: () => '/admin/service-levels', chunk: /split_admin/, title: /Service levels/, as: 'admin' },
  { name: 'alerts', path: () => '/admin/alerts', chunk: /split_admin/, title: /Alerts/, as: 'admin' },
  { name: 'alert', path: ({ alertId }) => `/admin/alerts/${alertId}`, chunk: /split_admin/, title: /Alert/, as: 'admin' },
  { name: 'reviews', path: () => '/admin/reviews', chunk: /split_admin/, title: /Review queue/, as: 'admin' },
  { name: 'case', path: ({ caseId }) => `/admin/reviews/${caseId}`, chunk: /split_admin/, title: /Review of/, as: 'admin' },
  { name: 'collections', path: ({ collection }) => `/admin/collections?edit=${collection}`, chunk: /split_admin/, title: /Collections/, as: 'admin' },
  { name: 'all-audit', path: () => '/admin/audit', chunk: /split_teams/, title: /Audit log/, as: 'admin' },
];

/** Pages as they are for somebody else, or before there is anything on them. */
export const states: PageEntry[] = [
  { name: 'publish-guest', path: ({ guestAgentId }) => `/studio/agents/${guestAgentId}/publish`, title: /Publish/i, as: 'guest' },
  { name: 'update-none', path: ({ guestAgentId }) => `/studio/agents/${guestAgentId}/update`, title: /Update/i, as: 'guest' },
  { name: 'notices-none', path: () => '/account/notices', title: /Notices/i, as: 'guest' },
  { name: 'earnings', path: () => '/account/purchases', title: /Purchases/i, as: 'publisher' },
  { name: 'listing-stranger', path: ({ slug }) => `/marketplace/${slug}`, title: /\S+ · Resonant/, as: 'stranger' },
];

export const missing: PageEntry = { name: 'missing', path: () => '/no-such-page', title: /not found/i };
