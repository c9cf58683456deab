//! What a plain form held when the server refused it, for its page to show it once more.
//!
//! With JavaScript a form keeps what was typed by itself: in the browser there is nothing here.

use std::sync::Arc;

/// The fields of a refused form, in the order in which they were sent.
#[derive(Debug, Clone, Default)]
pub struct RefusedForm(Arc<[(String, String)]>);

impl RefusedForm {
    /// A form of these fields. A password is never sent back: it is typed anew.
    pub fn new(fields: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(fields.into_iter().filter(|(name, _)| !name.contains("password")).collect())
    }

    /// What stood in the field of this name; `None` when the form that was sent has no such field.
    pub fn text(&self, name: &str) -> Option<String> {
        self.0.iter().find(|(field, _)| field == name).map(|(_, text)| text.clone())
    }

    /// What was sent under this name, which several controls may share.
    pub fn texts(&self, name: &str) -> Vec<String> {
        let same = self.0.iter().filter(|(field, _)| field == name);
        same.map(|(_, text)| text.clone()).collect()
    }
}

/// The form that was refused and led to this page; an empty one where none was.
pub fn refused_form() -> RefusedForm {
    #[cfg(feature = "ssr")]
    if let Some(form) = crate::ssr::refused_form() {
        return form;
    }
    RefusedForm::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> RefusedForm {
        let fields = [("a", "1"), ("tools[]", "x"), ("tools[]", "y"), ("new_password", "secret")];
        RefusedForm::new(fields.map(|(name, text)| (name.to_owned(), text.to_owned())))
    }

    #[test]
    fn a_field_is_found_by_its_name() {
        assert_eq!(form().text("a").as_deref(), Some("1"));
        assert_eq!(form().text("b"), None);
        assert_eq!(form().texts("tools[]"), ["x", "y"]);
    }

    #[test]
    fn a_password_is_forgotten() {
        assert!(!format!("{:?}", form()).contains("secret"));
    }
}
