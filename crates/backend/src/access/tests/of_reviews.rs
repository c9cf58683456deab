//! Reviews, and what is reported about them.

use resonant_domain::publication::ReportReason;
use resonant_domain::review::ReviewFilter;
use resonant_domain::{ReportId, ReviewId};

use super::*;
use crate::moderation::{self, Verdict};
use crate::reviews;

/// A review that nobody wrote.
const REVIEW: ReviewId = ReviewId::from_uuid(Uuid::nil());

pub(super) fn rows() -> Vec<Row> {
    vec![
        public(
            "reviews::list",
            ask!(|ctx, things| reviews::list(
                &ctx,
                &things.slug,
                ReviewFilter::default(),
                PageRequest::default()
            )),
        ),
        own("reviews::own", ask!(|ctx, things| reviews::own(&ctx, &things.slug))),
        nobodys("reviews::delete", ask!(|ctx, things| reviews::delete(&ctx, &things.slug, REVIEW))),
        nobodys(
            "moderation::report_review",
            ask!(|ctx, things| moderation::report_review(
                &ctx,
                &things.slug,
                REVIEW,
                ReportReason::Spam,
                "Spam"
            )),
        ),
        nobodys(
            "moderation::close_report",
            ask!(|ctx, things| moderation::close_report(
                &ctx,
                ReportId::from_uuid(Uuid::nil()),
                Verdict::Dismiss
            )),
        ),
    ]
}
