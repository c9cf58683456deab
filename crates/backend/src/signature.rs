//! Signatures of messages, as Standard Webhooks describes them: HMAC-SHA-256 over the message's id,
//! its time and its body.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use resonant_domain::UserId;
use resonant_domain::webhook::TOLERANCE_SECONDS;
use sha2::Sha256;
use uuid::Uuid;

use crate::{Backend, Error, Result};

/// What a sender says of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signed {
    /// `webhook-id`: the same for each attempt to send the message.
    pub id: String,
    /// `webhook-timestamp`: seconds since 1970.
    pub timestamp: String,
    /// `webhook-signature`: one or more of `v1,<base64>`, with blanks between.
    pub signature: String,
    /// The body.
    pub body: String,
}

/// The key of one trigger or webhook. It follows from the installation's own key, so that it lies
/// nowhere.
pub(crate) struct SigningKey([u8; 32]);

impl SigningKey {
    pub(crate) async fn of(backend: &Backend, kind: &str, owner: UserId, id: Uuid) -> Result<Self> {
        let mut mac = hmac(backend.signing_root().await?)?;
        mac.update(kind.as_bytes());
        mac.update(owner.as_uuid().as_bytes());
        mac.update(id.as_bytes());
        Ok(Self(mac.finalize().into_bytes().into()))
    }

    /// The key as receivers and senders are given it.
    pub(crate) fn to_text(&self) -> String {
        format!("whsec_{}", BASE64_STANDARD.encode(self.0))
    }

    /// The signature of a message.
    pub(crate) fn sign(&self, id: &str, seconds: i64, body: &str) -> Result<String> {
        let mac = self.mac(id, &seconds.to_string(), body)?;
        Ok(format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes())))
    }

    /// Whether a message is signed by this key and was sent just now.
    pub(crate) fn verify(&self, message: &Signed, now: Timestamp) -> Result<bool> {
        let Ok(seconds) = message.timestamp.parse::<i64>() else { return Ok(false) };
        let off = now.as_second().abs_diff(seconds);
        if message.id.is_empty() || off > TOLERANCE_SECONDS.unsigned_abs() {
            return Ok(false);
        }
        let mac = self.mac(&message.id, &message.timestamp, &message.body)?;
        let signatures = message.signature.split(' ').filter_map(|text| text.strip_prefix("v1,"));
        let mut signatures = signatures.filter_map(|text| BASE64_STANDARD.decode(text).ok());
        Ok(signatures.any(|signature| mac.clone().verify_slice(&signature).is_ok()))
    }

    fn mac(&self, id: &str, seconds: &str, body: &str) -> Result<Hmac<Sha256>> {
        let mut mac = hmac(&self.0)?;
        for part in [id, ".", seconds, ".", body] {
            mac.update(part.as_bytes());
        }
        Ok(mac)
    }
}

fn hmac(key: &[u8]) -> Result<Hmac<Sha256>> {
    Hmac::new_from_slice(key).map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_signed_for_its_id_its_time_and_its_body() {
        type Break = fn(&mut Signed);
        let key = SigningKey([7; 32]);
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let signature = key.sign("m-1", 1_700_000_000, "{}").unwrap();
        let good = Signed {
            id: "m-1".to_owned(),
            timestamp: "1700000000".to_owned(),
            signature: format!("v1,AAAA {signature} v2,x"),
            body: "{}".to_owned(),
        };
        assert!(key.verify(&good, now).unwrap());
        let table: [Break; 9] = [
            |m| m.id = "m-2".to_owned(),
            |m| m.body = "{ }".to_owned(),
            |m| m.timestamp = "1700000001".to_owned(),
            |m| m.timestamp = "soon".to_owned(),
            |m| m.timestamp = i64::MIN.to_string(),
            |m| m.timestamp = i64::MAX.to_string(),
            |m| m.signature.clear(),
            |m| m.signature = "v1,".to_owned(),
            |m| m.id.clear(),
        ];
        for breaks in table {
            let mut broken = good.clone();
            breaks(&mut broken);
            assert!(!key.verify(&broken, now).unwrap(), "{broken:?}");
        }
        let late = Timestamp::from_second(1_700_000_000 + TOLERANCE_SECONDS + 1).unwrap();
        assert!(!key.verify(&good, late).unwrap());
        assert!(!SigningKey([8; 32]).verify(&good, now).unwrap());
    }
}
