//! A database as it is after a few years: many agents, and one owner with most of the sessions.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use resonant_runtime::clock::{Clock as _, SystemClock};
use sqlx::types::Uuid;
use sqlx::{AssertSqlSafe, PgPool, raw_sql};

use crate::Backend;
use crate::store::partitions::first_id_at;
use crate::upkeep;

/// For how many months there have been sessions, from the present one on.
pub(super) const MONTHS: usize = 5;
/// How many listings there are; most have as many installs as many others.
pub(super) const LISTINGS: u32 = 10_000;
/// An agent of the owner's with one session in eight. All others are of an agent that is called as the
/// owner is.
pub(super) const QUIET: &str = "01900000-0000-7000-8000-000000000064";
/// How many of each thing the owner has beside: entries of logs, notices, purchases.
const OF_AN_ACCOUNT: u32 = 3_000;
/// How many rows each table has of what is noted along the way.
const NOTED: u32 = 10_000;
/// A listing that each account has reviewed.
pub(super) const LISTING: &str = "01900000-0000-7000-8000-000000000001";
/// The days from the first session to the last one, which all lie in those months.
const DAYS: i64 = 145;

pub(super) struct Seed {
    pub(super) agents: u32,
    pub(super) sessions: u32,
    start: Timestamp,
}

impl Seed {
    /// Has half of the agents and all of the sessions.
    pub(super) const OWNER: &'static str = "00000000-0000-7000-8000-000000000001";

    /// What a minute allows, or what the product promises.
    #[expect(clippy::disallowed_methods, reason = "a test asks how long it may be")]
    pub(super) fn short_or_full() -> Self {
        let (agents, sessions) = match std::env::var("RESONANT_FAULTS").as_deref() {
            Ok("full") => (100_000, 1_000_000),
            _ => (20_000, 30_000),
        };
        let now = SystemClock.now().to_zoned(TimeZone::UTC);
        let first = now.date().first_of_month().to_zoned(TimeZone::UTC).expect("a day of ours");
        Self { agents, sessions, start: first.timestamp() }
    }

    /// The id of the session with this number, from 1 on. They are spread evenly over the months.
    pub(super) fn session_id(&self, number: u32) -> String {
        let at = self.start + SignedDuration::from_millis(i64::from(number) * self.step_ms());
        let id = first_id_at(at).as_u128() | 0x7000_8000_0000_0000_0000 | u128::from(number);
        Uuid::from_u128(id).to_string()
    }

    /// The milliseconds between two sessions.
    fn step_ms(&self) -> i64 {
        DAYS * 86_400_000 / i64::from(self.sessions)
    }

    pub(super) async fn sow(&self, pool: &PgPool) {
        let backend = Backend::for_tests(pool.clone());
        let end = self.start + SignedDuration::from_hours(24 * DAYS);
        let mut tx = backend.catalogue_begin().await.expect("a transaction");
        upkeep::make_partitions(&mut tx, end).await.expect("partitions");
        tx.commit().await.expect("a commit");
        let Self { agents, sessions, start } = self;
        let (owner, step) = (Self::OWNER, self.step_ms());
        let text = format!(
            "
            INSERT INTO users (user_id, kind, display_name, created_at, updated_at)
            SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::UUID, 'guest', 'Guest',
                   now(), now()
            FROM generate_series(1, 1000) n;

            INSERT INTO agents (owner_id, agent_id, name, description, avatar, system_prompt,
                                model_policy, tools, limits, status, revision, created_at, updated_at)
            SELECT CASE WHEN n % 2 = 0 THEN '{owner}'::UUID
                        ELSE ('00000000-0000-7000-8000-' || lpad(to_hex(n % 1000 + 1), 12, '0'))::UUID END,
                   ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::UUID, 'Agent ' || n, '',
                   '{{}}', '', '{{\"mode\": \"auto\"}}', '[]', '{{}}',
                   CASE WHEN n % 20 = 0 THEN 'archived' ELSE 'active' END, 1,
                   '{start}'::TIMESTAMPTZ + n * INTERVAL '1 second',
                   '{start}'::TIMESTAMPTZ + n * INTERVAL '1 second'
            FROM generate_series(1, {agents}) n;

            INSERT INTO sessions (owner_id, session_id, agent_id, agent_name, agent_avatar, spec, goal,
                                  state, created_at, ended_at)
            SELECT '{owner}', id, CASE WHEN n % 8 = 0 THEN '{QUIET}' ELSE '{owner}' END::UUID, 'Agent',
                   '{{}}', '{{\"limits\": {{}}}}', 'Goal ' || n,
                   CASE WHEN n > {sessions} - 100 THEN 'queued' ELSE 'completed' END, at,
                   CASE WHEN n > {sessions} - 100 THEN NULL ELSE at END
            FROM (
                SELECT n, at, overlay(overlay(overlay(first_id_at(at)::TEXT PLACING '7' FROM 15)
                                              PLACING '8' FROM 20)
                                      PLACING lpad(to_hex(n), 12, '0') FROM 25)::UUID AS id
                FROM generate_series(1, {sessions}) n,
                     LATERAL (SELECT '{start}'::TIMESTAMPTZ + n * INTERVAL '{step} ms' AS at) AS made
            ) AS made;

            INSERT INTO session_events (owner_id, session_id, sequence, at, kind, body)
            SELECT owner_id, session_id, 1, created_at, 'done', '{{}}' FROM sessions;

            INSERT INTO listings (listing_id, slug, name, tagline, category, avatar, publisher,
                                  description, examples, is_template, version, installs, created_at,
                                  updated_at)
            SELECT ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::UUID, 'listing-' || n,
                   'Listing ' || n, '', 'custom', '{{}}', 'Someone',
                   repeat('Reads what it is given, and tells it in a few words. ', 10), '[]', FALSE, 1, n % 3,
                   '{start}'::TIMESTAMPTZ + n * INTERVAL '1 second', '{start}'
            FROM generate_series(1, {LISTINGS}) n;

            INSERT INTO session_queue (owner_id, session_id, agent_id, run_at)
            SELECT owner_id, session_id, agent_id, now() FROM sessions ORDER BY session_id DESC LIMIT 100;

            ANALYZE;
            "
        );
        raw_sql(AssertSqlSafe(text)).execute(pool).await.expect("the seed is sown");
    }

    /// What is noted along the way: installs, runs of listings, sign-ins, both logs of deeds, measurements, and
    /// what caches have to forget.
    pub(super) async fn sow_notes(&self, pool: &PgPool) {
        let start = self.start;
        let user = "('00000000-0000-7000-8000-' || lpad(to_hex(n % 1000 + 1), 12, '0'))::UUID";
        let id = "('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::UUID";
        let at = format!("'{start}'::TIMESTAMPTZ + n * INTERVAL '1 second'");
        let text = format!(
            "
            INSERT INTO installs (owner_id, listing_id, version, created_at)
            SELECT {user}, {id}, 1, {at} FROM generate_series(1, {LISTINGS}) n;

            INSERT INTO listing_runs (owner_id, session_id, listing_id, version, is_changed,
                                      is_completed, took_ms, cost_micro_usd, ended_at)
            SELECT owner_id, session_id,
                   ('01900000-0000-7000-8000-' || lpad(to_hex(n % 1000 + 1), 12, '0'))::UUID, 1, FALSE,
                   TRUE, 1000, 10, created_at
            FROM (
                SELECT owner_id, session_id, created_at, row_number() OVER (ORDER BY session_id) AS n
                FROM sessions
            ) s
            WHERE n <= {NOTED}
            ORDER BY n;

            INSERT INTO sign_ins (token_hash, user_id, created_at, last_seen_at, expires_at)
            SELECT sha256(convert_to(n::TEXT, 'UTF8')), {user}, '{start}', '{start}', {at}
            FROM generate_series(1, {NOTED}) n;

            INSERT INTO owner_audit (owner_id, entry_id, deed, actor_kind, subject_name, request_id,
                                     created_at)
            SELECT {user}, {id}, 'agent_created', 'person', '', '', {at}
            FROM generate_series(1, {NOTED}) n;

            INSERT INTO account_audit (account_id, entry_id, deed, actor_kind, subject_name,
                                       request_id, created_at)
            SELECT {user}, {id}, 'signed_in', 'person', '', '', {at}
            FROM generate_series(1, {NOTED}) n;

            INSERT INTO metric_rollups (step, family, label, at, process_id, count, sum, max, buckets)
            SELECT CASE WHEN n <= 500 THEN 'day' WHEN n <= 3000 THEN 'hour' ELSE 'minute' END,
                   'family_' || n % 40, CASE WHEN n % 3 = 0 THEN '' ELSE 'label_' || n % 7 END, {at},
                   '00000000-0000-0000-0000-000000000000', 1, 1, 1, sha256('')
            FROM generate_series(1, {NOTED}) n;

            INSERT INTO cache_outbox (outbox_id, names, created_at)
            SELECT gen_random_uuid(), ARRAY['resonant:agent:3:' || {user} || '/' || {id}], {at}
            FROM generate_series(1, {NOTED}) n;

            ANALYZE;
            "
        );
        raw_sql(AssertSqlSafe(text)).execute(pool).await.expect("the seed is sown");
    }

    /// What the owner has beside, and as much of another one.
    pub(super) async fn sow_accounts(&self, pool: &PgPool) {
        let (start, owner) = (self.start, Self::OWNER);
        let text = format!(
            "
            CREATE TEMPORARY TABLE sown AS
            SELECT u.user_id, n, '{start}'::TIMESTAMPTZ + n * INTERVAL '1 second' AS at,
                   (CASE WHEN u.user_id = '{owner}' THEN '01900000' ELSE '01900001' END
                       || '-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::UUID AS id
            FROM generate_series(1, {OF_AN_ACCOUNT}) n,
                 (SELECT user_id FROM users ORDER BY user_id LIMIT 2) u;

            INSERT INTO reviews (review_id, listing_id, author_id, version, stars, body, helpful,
                                 created_at, updated_at)
            SELECT gen_random_uuid(), '{LISTING}', user_id, 1, 4, 'Good', row_number() OVER () % 50,
                   '{start}', '{start}'
            FROM users;

            INSERT INTO owner_audit (owner_id, entry_id, deed, actor_kind, subject_name, request_id,
                                     created_at)
            SELECT user_id, id, 'agent_created', 'person', '', '', at FROM sown;

            INSERT INTO account_audit (account_id, entry_id, deed, actor_kind, subject_name,
                                       request_id, created_at)
            SELECT user_id, id, 'signed_in', 'person', '', '', at FROM sown;

            INSERT INTO account_notices (reader_id, notice_id, kind, about, body, created_at)
            SELECT user_id, id, 'approved', 'Listing', '', at FROM sown;

            INSERT INTO webhooks (owner_id, webhook_id, url, created_at)
            SELECT DISTINCT user_id, user_id, 'https://example.org/', '{start}'::TIMESTAMPTZ FROM sown;

            INSERT INTO webhook_deliveries (owner_id, delivery_id, webhook_id, session_id, state,
                                            created_at)
            SELECT user_id, id, user_id, id, 'delivered', at FROM sown;

            INSERT INTO purchases (purchase_id, buyer_id, listing_id, kind, amount, currency, quantity,
                                   state, provider, created_at, paid_at)
            SELECT s.id, s.user_id, l.listing_id, 'one_time', 500, 'EUR', 1, 'paid', 'test', s.at, s.at
            FROM sown s
            JOIN (SELECT listing_id, row_number() OVER (ORDER BY listing_id) AS n FROM listings) l
                ON l.n = s.n;

            INSERT INTO agent_versions (owner_id, agent_id, version, spec, notes, created_at)
            SELECT user_id, user_id, n, '{{}}', '', at FROM sown;

            INSERT INTO test_sets (owner_id, test_set_id, agent_id, name, cases, created_at, updated_at)
            SELECT DISTINCT ON (owner_id) owner_id, owner_id, agent_id, 'Basics', '[]'::JSONB,
                   '{start}'::TIMESTAMPTZ, '{start}'::TIMESTAMPTZ
            FROM agents
            WHERE owner_id IN (SELECT user_id FROM sown);

            INSERT INTO test_runs (owner_id, test_run_id, test_set_id, spec, cases, started_at, ended_at)
            SELECT s.user_id, s.id, s.user_id, '{{}}', '[]', s.at, s.at
            FROM sown s
            WHERE s.user_id IN (SELECT owner_id FROM test_sets);

            INSERT INTO agents (owner_id, agent_id, name, description, avatar, system_prompt,
                                model_policy, tools, limits, status, revision, created_at, updated_at,
                                deleted_at)
            SELECT user_id, gen_random_uuid(), 'Gone ' || n, '', '{{}}', '', '{{\"mode\": \"auto\"}}',
                   '[]', '{{}}', 'active', 1, at, at, at
            FROM sown;

            DROP TABLE sown;
            ANALYZE;
            "
        );
        raw_sql(AssertSqlSafe(text)).execute(pool).await.expect("the seed is sown");
    }
}
