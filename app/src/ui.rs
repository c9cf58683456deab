//! The parts that pages are made of. No data, no context, no server functions here: what they show
//! comes in as props.

mod avatar;
mod badge;
mod button;
mod code;
mod copy_button;
mod empty_state;
mod error_panel;
mod field;
mod field_frame;
mod form_error;
mod icon;
mod logo;
mod not_signed_in;
mod notice;
mod page_head;
mod page_links;
mod picture;
mod select;
mod skeleton;
mod text_area;
mod time;
mod virtual_grid;
mod virtual_list;

pub use avatar::{Avatar, AvatarSize};
pub use badge::{Badge, StateBadge, Tone};
pub use button::{Button, ButtonKind, LinkButton};
pub use code::Code;
pub use copy_button::CopyButton;
pub use empty_state::EmptyState;
pub use error_panel::{ErrorPanel, cannot_be_shown};
pub use field::{Field, NumberField};
pub use form_error::FormError;
pub use icon::{Icon, IconName};
pub use logo::Logo;
pub use not_signed_in::{not_signed_in, not_signed_in_page, own_page_fault};
pub use notice::Notice;
pub use page_head::PageHead;
pub use page_links::PageLinks;
pub use picture::{listing_avatar, picture_view};
pub use select::Select;
pub use skeleton::{CardSkeletons, Skeleton};
pub use text_area::TextArea;
pub use time::{Duration, Time, duration_text, time_text};
pub use virtual_grid::{Grid, PageAnswer, VirtualGrid};
pub use virtual_list::{Answer, FirstWindow, Rows, VirtualList};
