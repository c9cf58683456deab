#![doc = include_str!("../README.md")]

pub mod agent;
pub mod agent_file;
pub mod agent_list;
pub mod agent_numbers;
pub mod agent_record;
pub mod agent_tool;
pub mod agent_tools;
pub mod agent_version;
pub mod alert;
pub mod api_key;
pub mod audit;
pub mod breakdown;
pub mod budget;
pub mod collection;
pub mod distribution;
pub mod draft_weight;
pub mod fault;
pub mod fields;
pub mod form;
pub mod grant;
pub mod host;
pub mod http_tool;
pub mod ids;
pub mod image;
pub mod instant;
pub mod knowledge;
pub mod listing;
pub mod mcp_tool;
pub mod member;
pub mod memory;
pub mod metric;
pub mod model;
pub mod money;
pub mod notice;
pub mod openapi;
pub mod operations;
pub mod origin;
pub mod page;
pub mod pin;
pub mod price;
pub mod proposal;
pub mod publication;
pub mod publisher;
pub mod purchase;
pub mod review;
pub mod scan;
pub mod schedule;
pub mod secret;
pub mod session;
pub mod session_event;
pub mod session_text;
pub mod slo;
pub mod spec_diff;
pub mod step_input;
pub mod team;
pub mod template;
pub mod test_set;
pub mod text;
mod text_merge;
pub mod thumb;
pub mod timeline;
pub mod tool;
pub mod upstream;
pub mod usage;
pub mod variable;
pub mod waiting;
pub mod webhook;
mod words;

pub use fault::{FaultKind, FieldFault};
pub use ids::{
    AgentId, AlertEventId, AlertId, ApiKeyId, AuditEntryId, CollectionId, DeliveryId, DocumentId,
    ImageId, ListingId, MemoryId, NoticeId, PurchaseId, ReportId, ReviewId, ScheduleId, SessionId,
    SubmissionId, TeamId, TeamInvitationId, TestRunId, TestSetId, TriggerId, UserId, WebhookId,
};
